"""A private authority and the certificates that it gives, made by openssl.

    authority = Authority(folder)
    RouterApi(tls=authority.issue("127.0.0.1"))
    ... the client trusts authority.certificate ...
"""

import subprocess


class Authority:
    """A self-signed authority of its own, its files in a folder.

    certificate  file for those who trust it
    """

    def __init__(self, folder, name="Test Authority"):
        self.folder = folder
        self.certificate = folder / "authority.crt"
        self._key = folder / "authority.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self._key, "-out",
                self.certificate, "-days", "2", "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name="127.0.0.1", days=2):
        """A certificate for an address or host name: (certificate file, key
        file). Below 0 days it is out of date."""
        kind = "IP" if name.replace(".", "").isdigit() else "DNS"
        stem = self.folder / f"{name}{days:+}"
        key, request, wanted, made = (
            stem.with_name(stem.name + end)
            for end in (".key", ".csr", ".ext", ".crt"))
        openssl("req", "-new", *NEW_KEY, "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")
        wanted.write_text(f"subjectAltName={kind}:{name}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self._key, "-CAcreateserial", "-days", days,
                "-extfile", wanted, "-out", made)
        return made, key


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def make_dh_parameters(folder):
    """A file with a well-known group, for anonymous Diffie-Hellman."""
    file = folder / "dh.pem"
    openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
            "group:ffdhe2048", "-out", file)
    return file


def openssl(*arguments):
    """Run openssl; raise with its words on error."""
    done = subprocess.run(["openssl", *map(str, arguments)], text=True,
                          capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
