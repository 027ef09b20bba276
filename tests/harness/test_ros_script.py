"""The console of the stand-in reads what a router reads, and nothing more."""

import pytest

from harness.ros_script import Sessions, run

BLOCK = (b':do {:local mbevL [/ppp active find name="%s"];'
         b' :local mbevN [:len $mbevL];'
         b' :if ($mbevN > 0) do={/ppp active remove $mbevL};'
         b' :put ("MBEV-OK %d " . $mbevN)} on-error={:put "MBEV-ERR %d"}')
OLD_KIT = b'/ppp active remove [find name="%s"]'


def reset(*names):
    """The line that ends the sessions of these names, as encoded."""
    return b"; ".join(BLOCK % (name, i, i) for i, name in enumerate(names))


def online(*names):
    sessions = Sessions()
    sessions.online(*names)
    return sessions


def decoded(text):
    """The bytes between the quotes as the router takes them."""
    outcome = run(b':put "' + text + b'"', Sessions())
    assert not outcome.refused, outcome.output
    return outcome.output.removesuffix(b"\r\n")


def test_a_reset_removes_every_session_of_the_name_and_counts_them():
    sessions = online("u1", "u2", "u1", "U1", "u11")
    outcome = run(reset(b"u1"), sessions)
    assert outcome.output == b"MBEV-OK 0 2\r\n"
    assert sessions.removed == [b"u1", b"u1"]
    assert sessions.names == [b"u2", b"U1", b"u11"]
    assert not outcome.refused and not outcome.violations


def test_nobody_online_is_a_success_without_a_removal():
    sessions = online("u2")
    assert run(reset(b"u1"), sessions).output == b"MBEV-OK 0 0\r\n"
    assert sessions.names == [b"u2"]


def test_blocks_in_one_line_are_done_in_order():
    sessions = online("a", "c", "b", "a")
    outcome = run(reset(b"a", b"b", b"nobody", b"c"), sessions)
    assert outcome.output == (b"MBEV-OK 0 2\r\nMBEV-OK 1 1\r\n"
                              b"MBEV-OK 2 0\r\nMBEV-OK 3 1\r\n")
    assert sessions.removed == [b"a", b"a", b"b", b"c"]


def test_a_session_that_vanished_fails_its_block_alone():
    sessions = online("a", "b")
    sessions.vanish("a")
    outcome = run(reset(b"a", b"b"), sessions)
    assert outcome.output == b"MBEV-ERR 0\r\nMBEV-OK 1 1\r\n"
    assert sessions.removed == [b"b"] and sessions.names == []
    assert run(reset(b"a"), sessions).output == b"MBEV-OK 0 0\r\n"


def test_a_session_may_vanish_and_come_back_several_times():
    sessions = online("a")
    sessions.vanish("a", times=2)
    said = [run(reset(b"a"), sessions).output for _ in range(3)]
    assert said == [b"MBEV-ERR 0\r\n", b"MBEV-ERR 0\r\n", b"MBEV-OK 0 0\r\n"]


def test_the_form_of_the_old_kit_removes_and_says_nothing():
    sessions = online("u1", "u2")
    outcome = run(OLD_KIT % b"u1", sessions)
    assert (outcome.output, outcome.refused) == (b"", False)
    assert sessions.removed == [b"u1"]
    sessions.vanish("u2")
    assert run(OLD_KIT % b"u2", sessions).output == b"no such item\r\n"


@pytest.mark.parametrize("text, means", [
    (b"Az09._-@", b"Az09._-@"), (rb"\"", b'"'), (rb"\\", b"\\"),
    (rb"\$", b"$"), (rb"\?", b"?"), (rb"a\_b", b"a b"), (rb"\n", b"\n"),
    (rb"\r", b"\r"), (rb"\t", b"\t"), (rb"\a", b"\a"), (rb"\b", b"\b"),
    (rb"\f", b"\f"), (rb"\v", b"\v"), (rb"\41", b"A"),
    (rb"\F5\B0\AA", b"\xf5\xb0\xaa"), (rb"\411", b"A1"), (rb"\\41", rb"\41"),
    (rb"\00", b"\0"), (b"a b", b"a b"), (b"[];{}()#:/='", b"[];{}()#:/='"),
    (b"", b"")])
def test_strings_are_read_as_the_router_reads_them(text, means):
    assert decoded(text) == means


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_can_be_written_as_a_hexadecimal_number(byte):
    name = b"a" + bytes([byte]) + b"b"
    sessions = online(name, "a", "ab")
    outcome = run(reset(b"a\\%02Xb" % byte), sessions)
    assert outcome.output == b"MBEV-OK 0 1\r\n"
    assert sessions.removed == [name]
    assert outcome.violations == outcome.raw == []


@pytest.mark.parametrize("text, column", [
    (rb"\c3", 7), (rb"\3c", 7), (rb"\C", 7), (rb"\4", 7), (rb"\Cc", 7),
    (rb"\g", 7), (rb"\'", 7), (rb"ab\ ", 9), (b"\\\r\n", 7)])
def test_unknown_escapes_are_refused(text, column):
    outcome = run(b':put "' + text + b'"', Sessions())
    assert outcome.refused
    assert outcome.output == b"syntax error (line 1 column %d)\r\n" % column


def test_hexadecimal_in_lower_case_is_another_byte_and_noted():
    outcome = run(rb':put "\ab\f5"', Sessions())
    assert outcome.output == b"\x07b\x0c5\r\n"
    assert len(outcome.violations) == 2


def test_raw_bytes_above_ascii_are_taken_and_noted():
    sessions = online(b"\xd1\x8f")
    outcome = run(reset(b"\xd1\x8f"), sessions)
    assert outcome.output == b"MBEV-OK 0 1\r\n"
    assert outcome.raw == [b'"\xd1\x8f"']


@pytest.mark.parametrize("byte", [*range(1, 32), 127])
@pytest.mark.parametrize("line", [
    b':put "a%cb"', b":put%c1", b":put 1%c", b"%c:put 1", b":put 1;%c:put 2"])
def test_raw_control_characters_are_refused_and_noted(line, byte):
    outcome = run(line % byte, Sessions())
    assert outcome.refused and outcome.output.startswith(b"syntax error")
    assert f"0x{byte:02X}" in outcome.violations[0]


def test_a_raw_question_mark_is_refused_and_noted():
    sessions = online("a?")
    outcome = run(reset(b"a?"), sessions)
    assert outcome.refused and outcome.violations and sessions.names


def test_a_dollar_in_a_string_is_expanded_and_noted():
    sessions = online("a", "$mbevN", "5")
    outcome = run(b':local mbevN 5; /ppp active remove'
                  b' [find name="$mbevN"]', sessions)
    assert sessions.removed == [b"5"]
    assert outcome.violations == ["data are expanded (column 48)"]
    assert run(b':put "x$nosuch"', sessions).output == b"x\r\n"


def test_a_command_in_a_string_is_executed_and_noted():
    sessions = online("victim")
    outcome = run(reset(b'$[/ppp active remove [find name="victim"]]'),
                  sessions)
    assert outcome.refused and outcome.violations and sessions.names
    outcome = run(b':put "$[:len [/ppp active find name="victim"]]"'
                  b'; :put "$(1 . 2)"', sessions)
    assert outcome.output == b"1\r\n12\r\n"
    assert len(outcome.violations) == 2


@pytest.mark.parametrize("name", [
    b"$", b"a$", b"$ b", b'$[/system reboot]', b'$[:put "x"]'])
def test_a_lone_dollar_and_foreign_expansions_are_refused(name):
    sessions = online(name)
    outcome = run(reset(name), sessions)
    assert outcome.refused and outcome.violations and sessions.names


@pytest.mark.parametrize("name", [
    b'x"] ; /system reboot ; :put [/ppp active find name="x',
    b'x"]; /ppp active remove [find name="victim"]; :put "',
    b'x" or name="victim', b'" name~"', b'x"', b"x\\", b'x"]', b'x" ',
    b'x"]} on-error={/system reset-configuration}; :do {:put [:len "'])
def test_logins_that_break_out_of_the_string_stop_the_whole_line(name):
    sessions = online("x", "victim")
    outcome = run(reset(b"x", name), sessions)
    assert outcome.refused and b"MBEV" not in outcome.output
    assert sessions.names == [b"x", b"victim"]


def test_an_unescaped_login_can_remove_another_session():
    """The stand-in shows what a client without escaping suffers."""
    sessions = online("x", "victim")
    run(OLD_KIT % b'x"]; /ppp active remove [find name="victim', sessions)
    assert sessions.removed == [b"x", b"victim"]


@pytest.mark.parametrize("line, answer", [
    (b"/system reset", "bad command name system (line 1 column 2)"),
    (b":put 1; /system reboot", "bad command name system (line 1 column 10)"),
    (b"/ip hotspot active remove 1", "bad command name ip (line 1 column 2)"),
    (b"/ppp secret remove 1", "bad command name secret (line 1 column 6)"),
    (b"/ppp active print", "bad command name print (line 1 column 13)"),
    (b"/ppp/active/remove 1", "expected end of command (line 1 column 5)"),
    (b"/ppp active", "expected end of command (line 1 column 12)"),
    (b"/ppp active remove", "expected end of command (line 1 column 19)"),
    (b"ls -l", "bad command name ls (line 1 column 1)"),
    (b":execute 1", "bad command name execute (line 1 column 2)"),
    (b":put [:execute 1]", "bad command name execute (line 1 column 8)"),
    (b":put [find name=\"a\"]", "bad command name find (line 1 column 7)"),
    (b":put 1 2", "expected end of command (line 1 column 8)"),
    (b":put 1}", "expected end of command (line 1 column 7)"),
    (b":put (1 > 2", "syntax error (line 1 column 12)"),
    (b":put $x", "syntax error (line 1 column 6)"),
    (b":do {:local x 1}; :put $x", "syntax error (line 1 column 24)"),
    (b":put x", "syntax error (line 1 column 6)"),
    (b":put \"x", "syntax error (line 1 column 8)"),
    (b":if (1 > 0) {:put 1}", "syntax error (line 1 column 12)"),
    (b":if 1 > 0 do={:put 1}", "syntax error (line 1 column 5)"),
    (b":do {:put 1", "syntax error (line 1 column 12)"),
    (b":local a-b 1", "syntax error (line 1 column 9)"),
    (b":put [/ppp active find]", "expected end of command (line 1 column 23)"),
    (b":put [/ppp active find name=a]", "syntax error (line 1 column 29)"),
    (b":put [/ppp active find name = 1]", "syntax error (line 1 column 24)"),
    (b":put [/ppp active find user=\"a\"]", "syntax error (line 1 column 24)"),
    (b":put [/ppp active find name~\"a\"]", "syntax error (line 1 column 24)"),
    (b"\xd1\x8f", "syntax error (line 1 column 1)"),
    (b"#", "syntax error (line 1 column 1)")])
def test_what_is_foreign_is_refused_with_the_words_of_a_router(line, answer):
    sessions = online("a")
    outcome = run(line, sessions)
    assert outcome.refused
    assert outcome.output == answer.encode() + b"\r\n"


def test_a_line_that_cannot_be_read_to_its_end_does_nothing():
    sessions = online("u1")
    outcome = run(reset(b"u1") + b"; /system reboot", sessions)
    assert outcome.refused and b"MBEV" not in outcome.output
    assert sessions.names == [b"u1"]


def test_a_line_that_nests_too_deeply_is_refused():
    assert run(b":put " + b"(" * 4000, Sessions()).refused
    assert run(b":do {" * 800, Sessions()).refused


def test_a_line_of_4096_bytes_is_the_longest():
    line = b':put "%s"' % (b"a" * 4089)
    assert len(line) == 4096
    assert not run(line, Sessions()).refused
    outcome = run(line + b" ", Sessions())
    assert outcome.output == b"syntax error (line 1 column 4097)\r\n"


@pytest.mark.parametrize("name", [b"name", b"user"])
def test_a_variable_named_as_a_property_matches_every_session(name):
    sessions = online("u1", "u2", "u3")
    outcome = run(b':local %s "u1"; /ppp active remove [find name=$%s]'
                  % (name, name), sessions)
    assert sessions.removed == [b"u1", b"u2", b"u3"]
    assert outcome.violations


def test_a_variable_of_another_name_matches_what_it_holds():
    sessions = online("u1", "u2", "u3")
    outcome = run(b':local mbevU "u1"; /ppp active remove'
                  b' [find where name=$mbevU]', sessions)
    assert sessions.removed == [b"u1"]
    assert not outcome.violations


@pytest.mark.parametrize("line, output", [
    (b":put 1", b"1\r\n"), (b':put ("a" . 1 . "b")', b"a1b\r\n"),
    (b':put (2 > 1)', b"true\r\n"), (b':put (2 <= 1)', b"false\r\n"),
    (b':put [:len "abc"]', b"3\r\n"), (b":local x; :put [:len $x]", b"0\r\n"),
    (b'  :put 1 ;; :put 2;', b"1\r\n2\r\n"), (b"", b""),
    (b':if (1 = 2) do={:put 1} else={:put 2}', b"2\r\n"),
    (b':if ("a" = 2) do={:put 1}',
     b"cannot compare values of these types\r\n"),
    (b':if (1 . 2) do={:put 1}', b"conditional not boolean\r\n"),
    (b':put 1; :do {:put 2; :if (1 > "") do={}} on-error={:put 3}; :put 4',
     b"1\r\n2\r\n3\r\n4\r\n"),
    (b':local x 1; :do {:local x 2; :put $x}; :put $x', b"2\r\n1\r\n"),
    (b':put [/ppp active find name="a"]', b"*80000001;*80000003\r\n")])
def test_the_rest_of_the_language(line, output):
    outcome = run(line, online("a", "b", "a"))
    assert outcome.output == output
    assert not outcome.refused


def test_an_error_that_nothing_catches_ends_the_line():
    sessions = online("a", "b")
    sessions.vanish("a")
    outcome = run(OLD_KIT % b"a" + b'; :put "on"', sessions)
    assert outcome.output == b"no such item\r\n"


def test_sessions_that_went_offline_are_not_removed():
    sessions = online("a", "b", "a")
    sessions.offline("a")
    assert sessions.names == [b"b"] and sessions.removed == []
