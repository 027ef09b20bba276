"""Phone numbers as the rule has them, written a second time for the runner.

Separators are dropped; 11 digits that begin with 8 begin with 7; 10 digits
that begin with 9 get a 7; 11 to 15 other digits pass. Several numbers in
the field are several receivers.
"""

import re


def canonical_phones(field):
    """The receivers that a phone field names, each once."""
    numbers = []
    for part in re.split(r"[,;/|]|(?<=.)(?=\+)", field or ""):
        words = [_number(word) for word in part.split()]
        whole = _number(part)
        numbers += [whole] if whole else words if all(words) else []
    return list(dict.fromkeys(numbers))


def _number(text):
    """The number in canonical form, or None when it is none."""
    digits = re.sub(r"[\s().+-]", "", text)
    if not re.fullmatch(r"[0-9]{10,15}", digits):
        return None
    if len(digits) == 10:
        return "7" + digits if digits[0] == "9" else None
    if len(digits) == 11 and digits[0] == "8":
        return "7" + digits[1:]
    return digits
