"""Taking a stretch of states out of a table: what led into it leads behind it."""

from collections.abc import Collection

from tlsdemo.edu.machine import State, Step, Table


def skip(table: Table, states: Collection[State]) -> Table:
    """The table without those states. Each of them must lead on by one way only."""

    def behind(state: State) -> State:
        while state in states:
            (step,) = table[state].values()
            state = step.next
        return state

    return {
        state: {kind: Step(step.handler, behind(step.next)) for kind, step in row.items()}
        for state, row in table.items()
        if state not in states
    }
