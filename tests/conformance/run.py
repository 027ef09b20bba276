"""Runs every vector file below a directory against the product.

    scripts/conformance.sh DIR [SCRIPT...] [--no-matrices] [--dry]
        [--server KIND] [--engine ENGINE] [--charset CHARSET] [--tally FILE]

A line for each failure, a table with a row for each script, and as the last
line `N passed, N failed, N skipped`. Exit 1 when anything failed, when a
vector that this version must run was skipped, or when none passed.

With --dry each is a dry run beside the recorded kit, and what is judged is
what `mbevctl compare` says of the two: see beside.py.

Nothing here looks at `id` (but to name a failure, and to find those of
kit_died.txt), `why` or `note`.
"""

import argparse
import functools
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pymysql

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance import beside, compare, expect, vectors  # noqa: E402
from conformance.offers import OFFERS  # noqa: E402
from conformance.stage import Layout, Stage  # noqa: E402
from conformance.vectors import CannotRun  # noqa: E402
from harness import kinds  # noqa: E402
from harness.billing import GENERATIONS  # noqa: E402
from harness.product import build_dir  # noqa: E402

NOT_OFFERED = vectors.load_list("not_offered.txt", 2)
KIT_DIED = vectors.load_list("kit_died.txt", 2)
EXPLAINS_THE_KIT = ("window", "hook")


@dataclass
class Verdict:
    """passed, failed, better or skipped; and why, where there is a why."""

    outcome: str
    reasons: list


class Runner:
    """Judges vectors; keeps a stage for each generation that occurs."""

    def __init__(self, common, dry=False, layout=Layout()):
        self.common = common
        self.dry = dry
        self.layout = layout
        self.notes = set()  # what our lists allow, and was seen
        self._stages = {}
        self._exits = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self._exits.__exit__(*exception)

    def judge(self, vector):
        """Run one vector, unless it is not applicable."""
        reason = why_not_applicable(vector, self.dry)
        if reason:
            return Verdict("skipped", [reason])
        try:
            found = self._run(vector)
        except (CannotRun, pymysql.MySQLError, TimeoutError) as error:
            found = [str(error)]
        if found:
            return Verdict("failed", found)
        better = vector["relation"] == "better" or kit_died(vector)
        return Verdict("better" if better else "passed", [])

    def _run(self, vector):
        """Everything that is not as it should be."""
        vectors.check_members(vector)
        if (vector["event"], vector["action"]) not in OFFERS:
            raise CannotRun(f"{vector['event']}/{vector['action']} is neither "
                            "offered nor listed as not offered")
        if vectors.is_matrix(vector):
            return self._run_matrix(vector)
        if vector["relation"] in EXPLAINS_THE_KIT:
            return self._play(vector, None)
        if kit_died(vector):
            return self._play(vector, expect.expect_acting)
        if vector["relation"] == "same":
            return self._play(vector, expect.expect_same)
        if vector["relation"] == "better":
            return self._play(vector, expect.expect_better)
        raise CannotRun(f"unknown relation '{vector['relation']}'")

    def _run_matrix(self, vector):
        """Every value by itself; the provider accepts."""
        if vector["relation"] != "same":
            raise CannotRun("only matrices with relation 'same' are known")
        found = []
        for value, fires, stated, filled in vectors.matrix_cases(vector):
            expectation = (functools.partial(expect.expect_acting,
                                             stated=stated)
                           if fires else expect.expect_nothing)
            found += [f"{vector['parameter']} {value}: {difference}"
                      for difference in self._play(
                          filled | {"provider": "ok"}, expectation)]
        return found

    def _play(self, vector, expectation):
        """One run of the product."""
        offer = OFFERS[vector["event"], vector["action"]]
        reply = vectors.reply_of(self.common, vector, offer.provider)
        constants = vectors.constants_of(self.common, vector)
        stage = self._stage(vector["schema"])
        facts = stage.prepare(vector)
        case = expect.Case(vector, constants, offer, reply, facts)
        if self.dry:
            return _play_dry(stage, case, expectation)
        expected = expectation(case)
        seen = stage.perform(vector, constants, offer.provider, reply)
        return compare.differences(
            expected, seen, offer.provider and offer.provider.name,
            self.notes)

    def _stage(self, generation):
        if generation not in GENERATIONS:
            raise CannotRun(f"unknown schema '{generation}'")
        if generation not in self._stages:
            self._stages[generation] = self._exits.enter_context(
                Stage(generation, self.common["reset_sql"], self.layout))
        return self._stages[generation]


def _play_dry(stage, case, expectation):
    """One dry run beside the kit. What a provider's failure makes of it is of
    no interest: then only what was decided counts."""
    vector, constants = case.vector, case.constants
    left = None
    if expectation and case.accepted:
        left = beside.ours(expectation(case), vector, case.provider)
    beside.put(stage, vector)
    right = beside.theirs(stage, vector, constants)
    found, told = stage.perform_dry(vector, constants, case.provider)
    if left is None:
        left = beside.decided(stage, vector)
    return found + beside.differences(
        told, beside.verdicts(left, right), vector["action"])


def without_matrices(script):
    """The script with its single cases only."""
    return vectors.Script(script.name, [
        vector for vector in script.vectors if not vectors.is_matrix(vector)])


def kit_died(vector):
    """Is its record only that the kit died?"""
    return (vector["kit"], vector["id"]) in KIT_DIED


def why_not_applicable(vector, dry=False):
    """The reason why a vector need not run, or None."""
    if vector.get("relation") in EXPLAINS_THE_KIT and not dry:
        return vector["relation"]
    pair = (vector.get("event"), vector.get("action"))
    if pair in NOT_OFFERED and pair not in OFFERS:
        return f"{pair[0]}/{pair[1]}: {NOT_OFFERED[pair]}"
    return None


def judge_all(common, scripts, jobs, dry=False, layout=Layout()):
    """([(script, verdicts)] in the order of the scripts, notes)."""
    waiting = sorted(enumerate(scripts), key=lambda one: one[1].runs)
    jobs = min(jobs, len(scripts))
    with ThreadPoolExecutor(jobs) as pool:
        workers = [pool.submit(judge_some, common, waiting, dry, layout)
                   for _ in range(jobs)]
    verdicts, notes = {}, set()
    for worker in workers:
        some, noted = worker.result()
        verdicts |= some
        notes |= noted
    return [(script, verdicts[number])
            for number, script in enumerate(scripts)], notes


def judge_some(common, waiting, dry=False, layout=Layout()):
    """Take scripts from the end of the list until it is empty: their
    verdicts by number, and the notes."""
    verdicts = {}
    with Runner(common, dry, layout) as runner:
        while waiting:
            try:
                number, script = waiting.pop()
            except IndexError:  # another thread was quicker
                break
            verdicts[number] = judge_script(runner, script)
        return verdicts, runner.notes


def judge_script(runner, script):
    """Judge every vector of a file; a line for each failure."""
    verdicts = []
    for vector in script.vectors:
        verdict = runner.judge(vector)
        verdicts.append(verdict)
        for reason in verdict.reasons if verdict.outcome == "failed" else []:
            sys.stdout.write(f"FAILED {vector.get('kit')} "
                             f"{vector.get('id')}: {reason}\n")
            sys.stdout.flush()
    return verdicts


def print_table(results):
    """A row for each script: counts, and why vectors were skipped."""
    width = max(len(script.title) for script, _ in results)
    print(f"\n{'script':{width}}  passed  failed  better  not applicable")
    for script, verdicts in results:
        count = Counter(verdict.outcome for verdict in verdicts)
        why = Counter(reason for verdict in verdicts
                      if verdict.outcome == "skipped"
                      for reason in verdict.reasons)
        reasons = "; ".join(f"{n} {reason}" for reason, n in why.items())
        print(f"{script.title:{width}}  {count['passed']:6}  "
              f"{count['failed']:6}  {count['better']:6}  "
              f"{count['skipped']:4}  {reasons}".rstrip())


def tally(results):
    """By generation of the billing: how many passed, and how many failed."""
    count = {generation: Counter() for generation in GENERATIONS}
    for script, verdicts in results:
        for vector, verdict in zip(script.vectors, verdicts):
            if verdict.outcome != "skipped":
                good = verdict.outcome != "failed"
                count[vector["schema"]]["passed" if good else "failed"] += 1
    return count


def main():
    """Parse the arguments, run, report; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", help="directory with vector files")
    parser.add_argument("script", nargs="*", help="only these scripts")
    parser.add_argument("--no-matrices", action="store_true",
                        help="leave out templates with many values: most of "
                        "the runs, and little that others do not do")
    parser.add_argument("--dry", action="store_true",
                        help="dry runs beside the kit, without matrices: what "
                        "mbevctl compare says of them")
    parser.add_argument("--jobs", type=int, help="scripts at the same time",
                        default=len(os.sched_getaffinity(0)))
    parser.add_argument("--server", choices=list(kinds.KINDS),
                        help="kind of server")
    parser.add_argument("--engine", choices=["InnoDB", "MyISAM"],
                        help="of the billing's tables")
    parser.add_argument("--charset", choices=["koi8r", "utf8mb4"],
                        help="of the billing's text")
    parser.add_argument("--tally", type=Path,
                        help="write what passed on which generation, as JSON")
    arguments = parser.parse_args()
    layout = Layout(arguments.server, arguments.engine, arguments.charset)
    if not (build_dir() / "mbevd").exists():
        sys.exit(f"there is no mbevd in {build_dir()}: build first")
    scripts = vectors.load_scripts(arguments.dir, arguments.script)
    if arguments.no_matrices or arguments.dry:
        scripts = [script for script in map(without_matrices, scripts)
                   if script.vectors]
    if not scripts:
        print(f"no vector files of that name below {arguments.dir}")
        return 1
    results, notes = judge_all(vectors.load_common(arguments.dir), scripts,
                               arguments.jobs, arguments.dry, layout)
    print_table(results)
    if arguments.tally:
        arguments.tally.write_text(json.dumps(tally(results)))
    for note in sorted(notes):
        print(note)
    count = Counter(verdict.outcome for _, verdicts in results
                    for verdict in verdicts)
    passed = count["passed"] + count["better"]
    print(f"{passed} passed, {count['failed']} failed, "
          f"{count['skipped']} skipped")
    return 0 if passed and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
