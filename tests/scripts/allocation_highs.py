"""Sets HiGHS beside the solver on the cases that `cargo bench --bench allocation -- --cases FOLDER` wrote.

For each case HiGHS finds the highest lowest level in whole packs (a MILP: the first level of
leximin, of which the solver finds all) and then the cheapest transport of the packs that the solver
gave (an LP). With forbidden routes only the transport is asked unless `--forbidden-level` is given. The lowest level and the cost must be the same. Only the time inside HiGHS is counted,
not that of building the models; for the solver all of it is counted, from the problem to the
explained answer.

    python -m venv venv && venv/bin/pip install highspy
    venv/bin/python allocation_highs.py FOLDER [--at-least-province 10] [--at-least-county 50]

Exit codes: 0 the same values and fast enough, 1 not so.
"""

import argparse
import json
import pathlib
import sys
import time
from fractions import Fraction

import highspy
import numpy as np

TOLERANCE = 1e-6


def run(columns, rows, integer, maximise):
    """Solves a model: columns `(cost, lower, upper)`, rows `(lower, upper, {column: factor})`."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.setOptionValue("mip_abs_gap", 0.0)
    highs.setOptionValue("time_limit", 600.0)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(columns), len(rows)
    lp.col_cost_ = np.array([c[0] for c in columns], dtype=np.double)
    lp.col_lower_ = np.array([c[1] for c in columns], dtype=np.double)
    lp.col_upper_ = np.array([c[2] for c in columns], dtype=np.double)
    lp.row_lower_ = np.array([r[0] for r in rows], dtype=np.double)
    lp.row_upper_ = np.array([r[1] for r in rows], dtype=np.double)
    starts, index, value = [0], [], []
    for _, _, factors in rows:
        index.extend(factors.keys())
        value.extend(factors.values())
        starts.append(len(index))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.array(starts, dtype=np.int32)
    lp.a_matrix_.index_ = np.array(index, dtype=np.int32)
    lp.a_matrix_.value_ = np.array(value, dtype=np.double)
    lp.sense_ = highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize
    if integer:
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if c in integer else kinds.kContinuous for c in range(len(columns))]
    highs.passModel(lp)
    start = time.perf_counter()
    highs.run()
    taken = time.perf_counter() - start
    done = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return highs.getInfo().objective_function_value, taken, done


def exact(text):
    return None if text is None else Fraction(str(text))


def read(case):
    problem = case["problem"]
    pack = problem["pack"]
    supply = [max(0, d["available"] - d["floor"]) // pack for d in problem["donors"]]
    numbers = {d["id"]: n for n, d in enumerate(problem["donors"])}
    to = {r["id"]: n for n, r in enumerate(problem["recipients"])}
    routes = [(numbers[r["donor"]], to[r["recipient"]], float(exact(r["cost"]))) for r in problem["routes"]]
    return problem, pack, supply, routes


def first_level(case):
    problem, pack, supply, routes = read(case)
    inf = highspy.kHighsInf
    columns, rows = [(1.0, -inf, inf)], []
    whole = set()
    for recipient in problem["recipients"]:
        use = exact(recipient["daily_use"])
        lacking = max(Fraction(0), exact(recipient["target"]) - recipient["available"])
        most = -(-lacking // pack)
        # available + pack * k >= t * use, multiplied by the denominator of use.
        rows.append((
            float(-recipient["available"] * use.denominator),
            inf,
            {0: float(-use.numerator), len(columns): float(pack * use.denominator)},
        ))
        whole.add(len(columns))
        columns.append((0.0, 0.0, float(most)))
    everyone = len(routes) == len(supply) * len(problem["recipients"])
    if everyone:
        rows.append((-inf, float(sum(supply)), {1 + n: 1.0 for n in range(len(problem["recipients"]))}))
    else:
        given = [{} for _ in supply]
        got = [{1 + n: -1.0} for n in range(len(problem["recipients"]))]
        for donor, recipient, _ in routes:
            given[donor][len(columns)] = 1.0
            got[recipient][len(columns)] = 1.0
            columns.append((0.0, 0.0, inf))
        rows.extend((-inf, float(there), factors) for there, factors in zip(supply, given))
        rows.extend((0.0, 0.0, factors) for factors in got)
    return run(columns, rows, whole, maximise=True)


def transport(case):
    problem, _, supply, routes = read(case)
    inf = highspy.kHighsInf
    given = [{} for _ in supply]
    got = [{} for _ in problem["recipients"]]
    columns = []
    for donor, recipient, cost in routes:
        given[donor][len(columns)] = 1.0
        got[recipient][len(columns)] = 1.0
        columns.append((cost, 0.0, inf))
    rows = [(-inf, float(there), factors) for there, factors in zip(supply, given)]
    rows += [(float(k), float(k), factors) for k, factors in zip(case["packs"], got)]
    return run(columns, rows, set(), maximise=False)


def close(one, other):
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one))


def compare(name, cases, least, with_level):
    level_time = cost_time = own = 0.0
    wrong = []
    for case in cases:
        if with_level:
            level, taken, done = first_level(case)
            level_time += taken
            if not (done and close(float(exact(case["lowest_level"])), level)):
                wrong.append(f"{case['name']}: lowest level {case['lowest_level']} and {level}, done {done}")
        cost, taken, done = transport(case)
        cost_time += taken
        if not (done and close(float(exact(case["cost"])), cost)):
            wrong.append(f"{case['name']}: cost {case['cost']} and {cost}, done {done}")
        own += case["whole_nanoseconds"] / 1e9
    theirs = level_time + cost_time
    factor = theirs / own
    level_text = f"{level_time * 1e3:.1f}" if with_level else "not asked"
    print(f"| {name} | {len(cases)} | {own * 1e3:.1f} | {level_text} | {cost_time * 1e3:.1f} "
          f"| {factor:.0f} | {'the same' if not wrong else 'DIFFERENT'} |", flush=True)
    for line in wrong:
        print(f"  {line}", file=sys.stderr)
    return not wrong and (least is None or factor >= least)


def main():
    parser = argparse.ArgumentParser(description="HiGHS beside the solver")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--at-least-county", type=float, default=50)
    parser.add_argument("--at-least-province", type=float, default=10)
    parser.add_argument("--forbidden-level", action="store_true",
                        help="the first level over forbidden routes too, which takes HiGHS over ten minutes")
    arguments = parser.parse_args()
    print("| case | problems | solver, ms | HiGHS first level, ms | HiGHS transport, ms | times as fast | values |")
    print("|---|---|---|---|---|---|---|")
    good = True
    for name, least, with_level in [
        ("county", arguments.at_least_county, True),
        ("province", arguments.at_least_province, True),
        ("province_forbidden", arguments.at_least_province, arguments.forbidden_level),
    ]:
        cases = json.loads((arguments.folder / f"{name}.json").read_text())
        good &= compare(name, cases, least, with_level)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
