"""Runs every vector file below a directory against the product.

    scripts/conformance.sh DIR [SCRIPT...]

A line for each failure, a table with a row for each script, and as the last
line `N passed, N failed, N skipped`. Exit 1 when anything failed, when a
vector that this version must run was skipped, or when none passed.

Nothing here looks at `id` (but to name a failure), `why` or `note`.
"""

import argparse
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pymysql

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance import compare, expect, vectors  # noqa: E402
from conformance.offers import OFFERS  # noqa: E402
from conformance.stage import Stage  # noqa: E402
from conformance.vectors import CannotRun  # noqa: E402
from harness.billing import GENERATIONS  # noqa: E402
from harness.product import build_dir  # noqa: E402

NOT_OFFERED = vectors.load_list("not_offered.txt", 2)
EXPLAINS_THE_KIT = ("window", "hook")


@dataclass
class Verdict:
    """passed, failed, better or skipped; and why, where there is a why."""

    outcome: str
    reasons: list


class Runner:
    """Judges vectors; keeps a stage for each generation that occurs."""

    def __init__(self, common):
        self.common = common
        self.extras = set()  # allowed parameters that were seen
        self._stages = {}
        self._exits = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self._exits.__exit__(*exception)

    def judge(self, vector):
        """Run one vector, unless it is not applicable."""
        reason = why_not_applicable(vector)
        if reason:
            return Verdict("skipped", [reason])
        try:
            found = self._run(vector)
        except (CannotRun, pymysql.MySQLError, TimeoutError) as error:
            found = [str(error)]
        if found:
            return Verdict("failed", found)
        better = vector["relation"] == "better"
        return Verdict("better" if better else "passed", [])

    def _run(self, vector):
        """Everything that is not as it should be."""
        vectors.check_members(vector)
        if (vector["event"], vector["action"]) not in OFFERS:
            raise CannotRun(f"{vector['event']}/{vector['action']} is neither "
                            "offered nor listed as not offered")
        if vectors.is_matrix(vector):
            return self._run_matrix(vector)
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
        for value, fires, case in vectors.matrix_cases(vector):
            expectation = (expect.expect_acting if fires
                           else lambda case: expect.Expectation())
            for difference in self._play(case | {"provider": "ok"},
                                         expectation):
                found.append(f"{vector['parameter']} {value}: {difference}")
        return found

    def _play(self, vector, expectation):
        """One run of the product."""
        offer = OFFERS[vector["event"], vector["action"]]
        reply = vectors.reply_of(self.common, vector, offer.provider)
        constants = vectors.constants_of(self.common, vector)
        stage = self._stage(vector["schema"])
        facts = stage.prepare(vector)
        expected = expectation(
            expect.Case(vector, constants, offer, reply, facts))
        seen = stage.perform(vector, constants, offer.provider, reply)
        return compare.differences(expected, seen, offer.provider,
                                   self.extras)

    def _stage(self, generation):
        if generation not in GENERATIONS:
            raise CannotRun(f"unknown schema '{generation}'")
        if generation not in self._stages:
            self._stages[generation] = self._exits.enter_context(
                Stage(generation, self.common["reset_sql"]))
        return self._stages[generation]


def why_not_applicable(vector):
    """The reason why a vector need not run, or None."""
    if vector.get("relation") in EXPLAINS_THE_KIT:
        return vector["relation"]
    pair = (vector.get("event"), vector.get("action"))
    if pair in NOT_OFFERED and pair not in OFFERS:
        return f"{pair[0]}/{pair[1]}: {NOT_OFFERED[pair]}"
    return None


def run_script(runner, script):
    """Judge every vector of a file; a line for each failure."""
    verdicts = []
    for vector in script.vectors:
        verdict = runner.judge(vector)
        verdicts.append(verdict)
        for reason in verdict.reasons if verdict.outcome == "failed" else []:
            print(f"FAILED {vector.get('kit')} {vector.get('id')}: {reason}",
                  flush=True)
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


def print_extras(extras):
    """The parameters beyond the recorded ones."""
    for provider, name in sorted(extras):
        print(f"extra parameter of {provider}: {name} "
              f"({compare.EXTRA[provider, name]})")


def main():
    """Parse the arguments, run, report; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", help="directory with vector files")
    parser.add_argument("script", nargs="*", help="only these scripts")
    arguments = parser.parse_args()
    if not (build_dir() / "mbevd").exists():
        sys.exit(f"there is no mbevd in {build_dir()}: build first")
    scripts = vectors.load_scripts(arguments.dir, arguments.script)
    if not scripts:
        print(f"no vector files of that name below {arguments.dir}")
        return 1
    with Runner(vectors.load_common(arguments.dir)) as runner:
        results = [(script, run_script(runner, script))
                   for script in scripts]
    print_table(results)
    print_extras(runner.extras)
    count = Counter(verdict.outcome for _, verdicts in results
                    for verdict in verdicts)
    passed = count["passed"] + count["better"]
    print(f"{passed} passed, {count['failed']} failed, "
          f"{count['skipped']} skipped")
    return 0 if passed and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
