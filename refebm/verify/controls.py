"""``refebm verify --controls``: run every wrong version, and print which theorem rejects it."""

import refebm
from refebm.files import write_json
from refebm.identities import THEOREMS, Theorem
from refebm.identities.own import Own

HEADER = ("wrong version", "rejected by", "share of cases", "error / tolerance", "survives", "seen")


def put_in(chosen: list[Theorem], own: Own, options) -> int:
    """Print a table of wrong versions; returns 1 if one is not rejected, or a theorem rejects none, else 0.

    For a user's theorems the table has the wrong versions of the user's functions, which must all be rejected, and
    those of refebm's functions that the theorems are about, which need not: other theorems may reject them.
    """
    from refebm.variants import NAIVE, WRONG
    from refebm.variants.controls import controls

    names, ours = {theorem.name for theorem in chosen}, own.theorems is THEOREMS
    about = {function for theorem in chosen for function in theorem.about}
    versions = [w for w in [*WRONG, *NAIVE] if names & {theorem.name for theorem in w.theorems}]
    versions = versions if ours else [w for w in [*own.wrong, *WRONG] if w.function in about]
    results, rejecting, failed = [], set(), []
    _print(HEADER)
    _print(["---"] * len(HEADER))
    for result in controls(versions, options.seed, None if ours else chosen):
        results.append(result)
        rejecting |= set(result.rejected_by)
        failed += [result] if not result.holds and (ours or result.wrong in own.wrong) else []
        survives = result.wrong.survives if result.survives else f"NOT {result.wrong.survives}"
        factor = f"{result.factor:.1e}" if result.factor < float("inf") else "does not settle"
        cells = [str(result.wrong), result.theorem, f"{result.share:.0%}", factor, survives, result.wrong.seen]
        _print(cells, "RED " if failed[-1:] == [result] else "")
    held = sum(result.holds for result in results)
    print(f"\n{held} of {len(results)} wrong versions are rejected, and pass their weak check")
    idle = sorted(names - rejecting)
    if idle:
        print(f"theorems that no wrong version turns red: {', '.join(idle)}")
        if not ours:
            print("decorate a wrong version of your function f with @wrong(f)")
            print("a theorem notices what it calls through impl, as impl.f(...), and nothing else")
    if options.json:
        rows = [_record(result) for result in results]
        write_json(options.json, {"refebm": refebm.__version__, "seed": options.seed, "controls": rows})
    return 1 if failed or idle else 0


def _print(cells, before="") -> None:
    print(f"{before}| {' | '.join(cells)} |", flush=True)


def _record(result) -> dict:
    wrong = result.wrong
    return {
        "function": wrong.function,
        "wrong_version": wrong.name,
        "was": wrong.was,
        "becomes": wrong.becomes,
        "theorem": result.theorem,
        "share": result.share,
        "error_over_tolerance": result.factor if result.factor < float("inf") else None,
        "survives": wrong.survives,
        "weak_check_passes": result.survives,
        "seen": wrong.seen,
        "holds": result.holds,
    }
