"""Reads DARTS genotypes, one a line, as training code does, and checks their shape."""

import sys
from collections import namedtuple

Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')

OPERATIONS = {
    'skip_connect',
    'sep_conv_3x3',
    'sep_conv_5x5',
    'dil_conv_3x3',
    'dil_conv_5x5',
    'avg_pool_3x3',
    'max_pool_3x3',
}


def check_cell(name, pairs, concat):
    """Yields what is wrong with one cell."""
    if concat != [2, 3, 4, 5]:
        yield f'{name}_concat is {concat!r}, expected [2, 3, 4, 5]'
    if len(pairs) != 8:
        yield f'{name} has {len(pairs)} pairs, expected 8'
        return
    for operation, state in pairs:
        if operation not in OPERATIONS:
            yield f'{name} has the operation {operation!r}'
        if type(state) is not int:
            yield f'{name} has the state {state!r}'
            return
    for step in range(4):
        states = [state for _, state in pairs[2 * step:2 * step + 2]]
        if not all(0 <= state < 2 + step for state in states) or states[0] == states[1]:
            yield f'step {step} of {name} reads {states}, expected two states below {2 + step}'


def faults(text):
    """Everything that is wrong with a genotype's text."""
    try:
        genotype = eval(text, {'__builtins__': {}, 'Genotype': Genotype})
        return [
            *check_cell('normal', genotype.normal, genotype.normal_concat),
            *check_cell('reduce', genotype.reduce, genotype.reduce_concat),
        ]
    except Exception as error:  # Whatever eval or a wrong type throws is the text's fault.
        return [f'{type(error).__name__}: {error}']


def main():
    passed = failed = 0
    for line in filter(None, map(str.strip, sys.stdin)):
        found = faults(line)
        for fault in found:
            print(f'{fault}: {line}', file=sys.stderr)
        failed += bool(found)
        passed += not found
    print(f'{passed} passed, {failed} failed')
    if not passed + failed:
        print('no genotype on standard input', file=sys.stderr)
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
