"""Prints the matrices: see scripts/kill-matrix.sh."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from matrix.jobs import kill_job, lost_job
from matrix.kill import FULL
from matrix.lost import POINTS
from matrix.scenario import SCENARIOS
from matrix.stop import run_all, stops
from matrix.table import draw, draw_stops

MATRICES = {"kill", "stop", "lost"}
TABLES = {
    "The service is killed": lambda variant: not variant.server,
    "Service and server are killed":
        lambda variant: variant.server and not variant.fresh,
    "Both are killed, and the payment itself was in memory only":
        lambda variant: variant.fresh}
LEGEND = """\
ok         done once: the providers' books, the billing and our tables agree
doubtful   SMSPilot may have it, and cannot be asked: listed, never repeated
forgotten  the server forgot the payment or change itself, and nothing came
           of it but, at most, a message or the end of a session
-          the action does not pass this seam
WRONG      what is wrong stands below"""


def kill_table(pool, full):
    """Print the kill matrix; how much is wrong."""
    variants = range(len(FULL)) if full else [None]
    # The longest first.
    jobs = [pool.submit(kill_job, name, variant)
            for variant in reversed(variants) for name in SCENARIOS]
    found, seconds = [], Counter()
    for done, job in enumerate(jobs, 1):
        some, took = job.result()
        found += some
        print(f"{done} of {len(jobs)} parts", file=sys.stderr)
        if not some:
            continue
        seconds[some[0].variant.name] += took
    print(f"THE KILL MATRIX: {len(found)} runs\n")
    for title, belongs in TABLES.items():
        some = [cell for cell in found if belongs(cell.variant)]
        if some:
            print(f"{title}: {len(some)} runs\n\n{draw(some)}\n")
    print(LEGEND + "\n")
    for variant in FULL:
        _tell_variant([cell for cell in found if cell.variant == variant],
                      variant, seconds[variant.name])
    lines = [line for cell in found for line in cell.lines]
    print("\n".join(lines))
    return len(lines)


def _tell_variant(some, variant, seconds):
    """One line about the runs of a variant."""
    if not some:
        return
    counts = Counter()
    for cell in some:
        counts.update({**cell.counts, "forgot": cell.forgot})
    print(f"{variant.name}: {len(some)} runs, {seconds:.0f} s;"
          f" {counts['forgot']} times the server forgot what the service had"
          f" committed; {counts['doubtful']} doubtful, of them"
          f" {counts['doubtful and taken']} taken;"
          f" {counts['of forgotten payments']} messages of payments that it"
          f" forgot, {sum(bool(cell.complaints) for cell in some)} wrong")


def stop_table(at_once):
    """Print the stop matrix; how much is wrong."""
    found = run_all(list(stops()), at_once)
    print(f"\nTHE STOP MATRIX: {len(found)} runs\n\n{draw_stops(found)}\n")
    return sum(not one.is_right for one in found)


def lost_table(pool, full):
    """Print what came of the lost-answer sweep; how much is wrong."""
    stride = 1 if full else 6
    lanes = 4 if full else 1
    jobs = [pool.submit(lost_job, point, first * stride, lanes * stride)
            for point in POINTS for first in range(1, lanes + 1)]
    found = [loss for job in jobs for loss in job.result()]
    wrong = [loss for loss in found if loss.complaints]
    print("\nTHE LOST-ANSWER SWEEP\n")
    for point, meaning in POINTS.items():
        some = [one for one in found if one.point == point and one.reached]
        print(f"{point} ({meaning}): {len(some)} statements, each once; all"
              " the job done, once, without a restart in"
              f" {sum(not one.complaints for one in some)} runs")
    print("\n".join(map(str, wrong)))
    return len(wrong)


def main():
    """0 when nothing is wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--full", action="store_true")
    asked.add_argument("--jobs", type=int, default=4)
    asked.add_argument("what", nargs="*", metavar="kill|stop|lost")
    args = asked.parse_args()
    if set(args.what) - MATRICES:
        asked.error(f"there is no {args.what}")
    what = set(args.what) or MATRICES
    begun, wrong = time.monotonic(), 0
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        if "kill" in what:
            wrong += kill_table(pool, args.full)
        if "stop" in what:
            wrong += stop_table(2 * args.jobs)
        if "lost" in what:
            wrong += lost_table(pool, args.full)
    print(f"\n{wrong} wrong, {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
