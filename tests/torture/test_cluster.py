"""What the torture of a cluster plans and tells; the torture itself is
scripts/torture.sh --cluster."""

from torture.cluster_chaos import (CUTS, IN_PART, Blow, cluster_plan,
                                   takeovers, told)

DAY = "2026-01-02T03:04:"


def acting(*seconds):
    """The log of a service that began to act at these seconds."""
    return "".join(f"{DAY}{second:06.3f}+0000 info engine: acting on database"
                   f" mikbill (legacy), epoch 7\n" for second in seconds)


def at(second):
    """That second, in the wall clock's."""
    return 1767323040 + second


def test_a_seed_makes_the_same_plan_again():
    assert (cluster_plan(7, 300, 3, True) == cluster_plan(7, 300, 3, True)
            != cluster_plan(8, 300, 3, True))


def test_without_a_network_of_its_own_it_fails_as_a_whole():
    real, none = ({step.what for step in cluster_plan(7, 600, 3, real)
                   if step.actor == "node"} for real in (True, False))
    assert real - none == set(IN_PART) and none > set(CUTS)


def test_of_a_takeover_the_time_from_the_blow_counts():
    found = takeovers([Blow(0, "is killed", at(10), at(25))],
                      [acting(1, 30), acting(16.5)])
    assert found == {"is killed": [6.5]}
    assert told(found)[-1] == (
        "another took over, in all: 1 times, after 6.5 s at least, 6.5 s in"
        " the middle, 6.5 s at most")


def test_who_comes_back_first_has_taken_nothing_over():
    blow = Blow(0, "is killed", at(10), at(25))
    found = takeovers([blow], [acting(1), acting(26)])
    assert found == {"is killed": [None]}
    assert told(found)[-1] == ("another took over, in all: 0 times, 1 times"
                               " nobody before it was back")


def test_a_blow_to_who_did_not_act_any_more_does_not_count():
    assert takeovers([Blow(0, "is killed", at(10), at(25))],
                     [acting(1), acting(9, 20)]) == {}
