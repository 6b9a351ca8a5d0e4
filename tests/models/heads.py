#!/usr/bin/env python3
"""Is there a previous-token head, and is there an induction head?

  heads.py PROGRAM [MODEL]    of the model "induction": what each head looks at, a mean over repeated random sequences

A sequence of 12 different letters comes twice. Three weights are averaged, each over all the places where it can be asked for:

  previous     from a token on the one before it: a previous-token head
  same         from a token of the second half on the same letter in the first half
  after same   from a token of the second half on the letter that came after it in the first half: an induction head
"""
import json, os, random, string, subprocess, sys

SEQUENCES, LETTERS = 100, 12
NAMES = ('previous', 'same', 'after same')


def attention(program, model, text):
    """{layer: [head][query][key]} of a text; position 0 is the begin token."""
    done = subprocess.run([program, 'trace', '-m', model, '-t', text, '--format', 'json'], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip())
    stages = {s['name']: s['value'] for s in json.loads(done.stdout)['stages'] if s['name'].endswith('.self.weights')}
    return [stages[name] for name in sorted(stages)]


def weights(head):
    """The three kinds of weights of one head in one sequence."""
    n = LETTERS
    second = range(n + 1, 2 * n)  # queries whose next letter is known; letter i of the first half stands at position 1 + i
    return ([head[q][q - 1] for q in range(2, 2 * n + 1)],
            [head[q][q - n] for q in second],
            [head[q][q - n + 1] for q in second])


def measure(program, model):
    source, sums = random.Random(1), {}
    for _ in range(SEQUENCES):
        half = ''.join(source.sample(string.ascii_uppercase, LETTERS))
        for layer, heads in enumerate(attention(program, model, half + half)):
            for h, head in enumerate(heads):
                for kind, found in enumerate(weights(head)):
                    total = sums.setdefault((layer, h), [[0, 0] for _ in NAMES])[kind]
                    total[0] += sum(found)
                    total[1] += len(found)
    return {head: [total / count for total, count in kinds] for head, kinds in sums.items()}


def table(program, model):
    lines = ['| layer | head | ' + ' | '.join(NAMES) + ' |', '|---|---|---|---|---|']
    for (layer, head), means in sorted(measure(program, model).items()):
        lines.append(f'| {layer} | {head} | ' + ' | '.join(f'{m:.3f}' for m in means) + ' |')
    return lines


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print('\n'.join(table(os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else 'induction')))
