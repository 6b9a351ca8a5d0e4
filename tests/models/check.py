#!/usr/bin/env python3
"""Do the shipped models still reach their cards?

  check.py PROGRAM [MODEL…]            evaluates each, compares with its card; exit status 1 where one falls short
  check.py --write PROGRAM [MODEL…]    measures again, the nine ablations too, and writes it into the cards

A card (tiny-models/MODEL/README.md) has its measured part between two comments, the numbers for this program in a third; what stands
outside is written by hand. A score may fall short of its card by 0.01 (a perplexity: 1 %), because weights made on another machine
differ in their last bits, but never of what the model must reach.
"""
import json, os, re, subprocess, sys

sys.dont_write_bytecode = True
import heads

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tiny-models')
BEGIN, END = '<!-- measured by tests/models/check.py -->', '<!-- end -->'
ABLATIONS = ('no-positions', 'no-residual', 'uniform-attention', 'no-scale', 'scale-by-dk', 'no-mask', 'no-norm', 'no-ffn', 'no-attention')
MUST_REACH = {'zh-en': 0.99, 'induction': 0.99, 'sum': 0.99, 'mask': 0.99, 'story': 1.05}  # story: times the best perplexity
HEAD_MAY_DIFFER = 0.1  # mean weight of a head
FAILURES_SHOWN = 5

# Tasks whose examples have a size: what it is, the sizes shown that training has, and those beyond.
SIZES = {'zh-en': ('words of the Chinese sentence', (4, 8, 10, 12, 14), (15, 16, 18, 20, 24)),
         'recall': ('pairs', (1, 2, 4, 6, 8, 10), (12, 14, 16, 20, 26)),
         'induction': ('letters of the sequence', (4, 6, 8, 10, 12), (13, 14, 16, 20, 26))}


def evaluate(program, folder, *more):
    command = [program, 'eval', '-m', folder, '--format', 'json', *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: {done.stderr.strip()}')
    return json.loads(done.stdout)


def folder_of(model):
    return os.path.join(TOP, model)


def card_of(model):
    return os.path.join(folder_of(model), 'README.md')


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def replace_block(path, begin, lines):
    """Writes lines between the comments `begin` and END of a card, at its end where there are none yet."""
    new, text = '\n'.join([begin, *lines, END]), read(path)
    pattern = re.escape(begin) + '.*?' + re.escape(END)
    text = re.sub(pattern, lambda _: new, text, flags=re.S) if begin in text else text.rstrip() + '\n\n' + new + '\n'
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


# ---- what is measured ----

def say(result):
    """The score as the table has it."""
    return f'{result["score"]:.4f}'


def score_name(result):
    return 'perplexity' if 'best' in result else 'score'


def head_maxima(program, model):
    """The previous-token head's weight in layer 0 and the induction head's in layer 1."""
    means = heads.measure(program, folder_of(model))
    return {'previous': round(max(m[0] for (layer, _), m in means.items() if layer == 0), 4),
            'after same': round(max(m[2] for (layer, _), m in means.items() if layer == 1), 4)}


def measure(program, model):
    whole = evaluate(program, folder_of(model))
    record = {'score': whole['score'], 'loss': whole['loss'], 'n': whole['n']}
    if 'best' in whole:
        record['best'] = whole['best']
    if whole['task'] == 'induction':
        record['heads'] = head_maxima(program, model)
    return record, whole


def ablation_lines(program, model, whole):
    trained = whole['ablations'].split(',')
    lines = [f'| switched off now (not trained without) | {score_name(whole)} | loss, nats |', '|---|---|---|',
             f'| nothing | {say(whole)} | {whole["loss"]:.4g} |']
    for name in ABLATIONS:
        part = evaluate(program, folder_of(model), '-a', name)
        same = part['loss'] == whole['loss'] and part['score'] == whole['score']
        if name in trained:
            lines.append(f'| `{name}` | trained without it | |')
        else:
            lines.append(f'| `{name}` | {"changes nothing" if same else say(part)} | {"" if same else format(part["loss"], ".4g")} |')
    return lines


def size_lines(program, model, whole):
    what, within, beyond = SIZES[whole['task']]
    lines = ['', f'| {what} | score | loss, nats |', '|---|---|---|']
    for size in within + beyond:
        part = evaluate(program, folder_of(model), '--difficulty', str(size))
        lines.append(f'| {size}{" (longer than in training)" if size in beyond else ""} | {say(part)} | {part["loss"]:.4g} |')
    return lines


def failure_lines(whole):
    if 'best' in whole:
        return []
    if not whole['failures']:
        return ['', 'None of these examples fails.']
    shown = whole['failures'][:FAILURES_SHOWN]
    lines = ['', f'{"All" if whole["failed"] == whole["n"] else whole["failed"]} of the {whole["n"]} examples fail; the first of them:', '', '| example | found |', '|---|---|']
    return lines + [f'| {f["example"]} | {f["found"]} |' for f in shown]


def write(program, model):
    record, whole = measure(program, model)
    first = f'Held out: {score_name(whole)} **{say(whole)}**, loss {whole["loss"]:.4g} nats, {whole["n"]} examples'
    if 'best' in whole:
        first += f'; the lowest perplexity there can be is {whole["best"]:.4f}, this is {whole["score"] / whole["best"]:.4f} times that'
    lines = [f'<!-- {json.dumps(record)} -->', first + '.', *failure_lines(whole), '', *ablation_lines(program, model, whole)]
    if whole['task'] in SIZES:
        lines += size_lines(program, model, whole)
    if 'heads' in record:
        lines += ['', *heads.table(program, folder_of(model))]
    replace_block(card_of(model), BEGIN, lines)
    print(f'{model}: written', flush=True)


# ---- what is compared ----

def faults(model, want, now):
    """What is wrong with a measurement, as people read it."""
    found, must = [], MUST_REACH.get(model)
    if 'best' in now:
        if now['score'] > want['score'] * 1.01:
            found.append('worse than its card')
        if must and now['score'] > must * now['best']:
            found.append(f'must reach {must * now["best"]:.4f}')
    else:
        if now['score'] < want['score'] - 0.01:
            found.append('worse than its card')
        if must and now['score'] < must:
            found.append(f'must reach {must}')
    for head, weight in want.get('heads', {}).items():
        if abs(now['heads'][head] - weight) > HEAD_MAY_DIFFER:
            found.append(f'its head "{head}" has {now["heads"][head]}, the card says {weight}')
    return found


def check(program, model):
    found = re.search(re.escape(BEGIN) + r'\n<!-- (\{.*?\}) -->', read(card_of(model)))
    if not found:
        print(f'FAIL  {model}: the card has no measured part', flush=True)
        return False
    want, (now, whole) = json.loads(found.group(1)), measure(program, model)
    wrong = faults(model, want, now)
    print(f'{"FAIL" if wrong else "ok  "}  {model:24} {score_name(whole):10} {now["score"]:.4f}, the card says {want["score"]:.4f}'
          + ''.join(f'; {w}' for w in wrong), flush=True)
    return not wrong


def trained_models():
    """All models that a recipe made."""
    return sorted(m for m in os.listdir(TOP)
                  if all(os.path.exists(os.path.join(TOP, m, name)) for name in ('recipe.json', 'model.safetensors')))


def main():
    arguments = [a for a in sys.argv[1:] if a != '--write']
    if not arguments:
        sys.exit(__doc__)
    program, models = os.path.abspath(arguments[0]), arguments[1:] or trained_models()
    if '--write' in sys.argv:
        for model in models:
            write(program, model)
    elif not all([check(program, model) for model in models]):
        sys.exit(1)


if __name__ == '__main__':
    main()
