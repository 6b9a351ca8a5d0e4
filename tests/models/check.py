#!/usr/bin/env python3
"""Do the shipped models still reach their cards?

  check.py PROGRAM [MODEL…]            evaluates each, compares with its card; exit status 1 where one falls short
  check.py --write PROGRAM [MODEL…]    measures again, the nine ablations too, and writes it into the cards

A card (tiny-models/MODEL/README.md) has its measured part between two comments; what stands outside them is written by hand.
A score may fall short by 0.01 (of a perplexity: 1 %): weights made on another machine differ in their last bits.
"""
import json, os, re, subprocess, sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tiny-models')
BEGIN, END = '<!-- measured by tests/models/check.py -->', '<!-- end -->'
ABLATIONS = ('no-positions', 'no-residual', 'uniform-attention', 'no-scale', 'scale-by-dk', 'no-mask', 'no-norm', 'no-ffn', 'no-attention')


def evaluate(program, model, *more):
    command = [program, 'eval', '-m', os.path.join(TOP, model), '--format', 'json', *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr.strip()}')
    return json.loads(done.stdout), done.stderr


def kind(result):
    return 'perplexity' if result['score'] > 1 else 'score'


def table(program, model):
    whole, _ = evaluate(program, model)
    record = {'score': whole['score'], 'loss': whole['loss'], 'n': whole['n']}
    lines = [BEGIN, f'<!-- {json.dumps(record)} -->',
             f'Held out: {kind(whole)} **{whole["score"]:.4f}**, loss {whole["loss"]:.4f} nats, {whole["n"]} examples.', '',
             f'| switched off now (not trained without) | {kind(whole)} | loss, nats |', '|---|---|---|']
    for name in ABLATIONS:
        part, said = evaluate(program, model, '-a', name, '-n', '300')
        if 'nothing' in said:
            lines.append(f'| `{name}` | changes nothing here | |')
        else:
            lines.append(f'| `{name}` | {part["score"]:.4f} | {part["loss"]:.4f} |')
    return '\n'.join(lines + ['', 'The ablated rows are of 300 examples each.', END])


def write(program, model):
    path = os.path.join(TOP, model, 'README.md')
    with open(path) as f:
        text = f.read()
    new = table(program, model)
    text = re.sub(re.escape(BEGIN) + '.*?' + re.escape(END), lambda _: new, text, flags=re.S) if BEGIN in text else text.rstrip() + '\n\n' + new + '\n'
    with open(path, 'w') as f:
        f.write(text)
    print(f'{model}: written', flush=True)


def check(program, model):
    with open(os.path.join(TOP, model, 'README.md')) as f:
        card = f.read()
    found = re.search(re.escape(BEGIN) + r'\n<!-- (\{.*?\}) -->', card)
    if not found:
        print(f'{model}: the card has no measured part', flush=True)
        return False
    want, now = json.loads(found.group(1)), evaluate(program, model)[0]
    lower = want['score'] > 1
    good = now['score'] <= want['score'] * 1.01 if lower else now['score'] >= want['score'] - 0.01
    print(f'{"ok  " if good else "FAIL"}  {model:24} {kind(now)} {now["score"]:.4f}, the card says {want["score"]:.4f}', flush=True)
    return good


def main():
    arguments = [a for a in sys.argv[1:] if a != '--write']
    if not arguments:
        sys.exit(__doc__)
    program, models = os.path.abspath(arguments[0]), arguments[1:]
    models = models or sorted(m for m in os.listdir(TOP) if os.path.exists(os.path.join(TOP, m, 'recipe.json')) and os.path.exists(os.path.join(TOP, m, 'config.json')))
    if '--write' in sys.argv:
        for model in models:
            write(program, model)
    elif not all([check(program, model) for model in models]):
        sys.exit(1)


main()
