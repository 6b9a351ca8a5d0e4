#!/usr/bin/env python3
"""What of a score is luck? zh-en and its variants, trained with three seeds each.

  spread.py [--write] PROGRAM FOLDER [MODEL…]    trains into FOLDER/MODEL-SEED, scores, prints a table: mean ± standard deviation

A seed decides the first weights and the data. An interrupted run goes on where it was when it is started again, and what is
finished in FOLDER is not trained again. --write puts each row into its model's card, all of them into zh-en's.
"""
import json, os, statistics, subprocess, sys

sys.dont_write_bytecode = True
import check

SEEDS = (1, 2, 3)
SIZES = (None, 12, 14, 16, 18)  # words of the Chinese sentence; None: the task's own mix; training has up to 14
BEGIN = '<!-- spread, by tests/models/spread.py -->'
HEAD = ['| | ' + ' | '.join('all lengths of training' if s is None else f'{s} words' for s in SIZES) + ' |', '|---' * (len(SIZES) + 1) + '|']


def train(program, folder, model, seed):
    """The folder of the trained model; None where training ended early."""
    with open(os.path.join(check.folder_of(model), 'recipe.json'), encoding='utf-8') as f:
        recipe = json.load(f)
    recipe['weight_seed'] = recipe['data_seed'] = seed
    out = os.path.join(folder, f'{model}-{seed}')
    path = out + '.json'
    os.makedirs(folder, exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(recipe, f)
    if os.path.exists(os.path.join(out, 'model.safetensors')) and not os.path.exists(os.path.join(out, 'checkpoint.safetensors')):
        return out
    done = subprocess.run([program, 'train', path, '-o', out], capture_output=True, text=True)
    if done.returncode == 2:
        sys.exit(done.stderr.strip())
    if done.returncode != 0:
        print(f'{model}, seed {seed}: {done.stderr.strip().splitlines()[-1]}', flush=True)
        return None
    return out


def scores(program, folder):
    """The score at each of SIZES."""
    return [check.evaluate(program, folder, *([] if s is None else ['--difficulty', str(s)]))['score'] for s in SIZES]


def row(program, folder, model):
    trained = [train(program, folder, model, seed) for seed in SEEDS]
    found = [scores(program, t) for t in trained if t]
    if len(found) < 2:
        return f'| {model} | {len(SEEDS) - len(found)} of {len(SEEDS)} runs ended early |' + ' |' * (len(SIZES) - 1)
    cells = [f'{statistics.mean(column):.4f} ± {statistics.stdev(column):.4f}' for column in zip(*found)]
    note = '' if len(found) == len(SEEDS) else f' ({len(SEEDS) - len(found)} of {len(SEEDS)} runs ended early)'
    return f'| {model}{note} | ' + ' | '.join(cells) + ' |'


def write(rows):
    for model in rows:
        shown = list(rows.values()) if model == 'zh-en' else [rows[m] for m in ('zh-en', model) if m in rows]
        text = f'Trained with {len(SEEDS)} seeds each, share of held-out sentences right (mean ± standard deviation):'
        check.replace_block(check.card_of(model), BEGIN, [text, '', *HEAD, *shown])


def main():
    arguments = [a for a in sys.argv[1:] if a != '--write']
    if len(arguments) < 2:
        sys.exit(__doc__)
    program, folder = os.path.abspath(arguments[0]), arguments[1]
    models = arguments[2:] or [m for m in check.trained_models() if m == 'zh-en' or m.startswith('zh-en.')]
    rows = {}
    print('\n'.join(HEAD), flush=True)
    for model in models:
        rows[model] = row(program, folder, model)
        print(rows[model], flush=True)
    if '--write' in sys.argv:
        write(rows)


if __name__ == '__main__':
    main()
