#!/usr/bin/env python3
"""Computes what expressions must come to from the golden traces alone, in plain Python, and prints rows for expressions.txt:

    python3 tests/cases/make_expressions.py >tests/cases/golden_expressions.txt

Run from the top folder. Nothing here shares code with the program: the traces are reference.py's."""
import json
import math
import struct


def read(path):
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        head = json.loads(f.read(n))
        data = f.read()
    out = {}
    for name, t in head.items():
        if name == "__metadata__":
            continue
        a, b = t["data_offsets"]
        kind, size = {"F32": ("f", 4), "F64": ("d", 8)}[t["dtype"]]
        out[name] = (t["shape"], struct.unpack("<%d%s" % ((b - a) // size, kind), data[a:b]))
    return out


def rows(t):
    shape, x = t
    n = shape[-1]
    return [x[i:i + n] for i in range(0, len(x), n)]


def entropy(p):
    return -sum(v * math.log(v) for v in p if v > 0)


def finite(x):
    return [v for v in x if v != -math.inf]


def mean(x):
    return math.fsum(x) / len(x)


def var(x):
    m = mean(x)
    return math.fsum((v - m) ** 2 for v in x) / len(x)


def norm(x):
    return math.sqrt(math.fsum(v * v for v in x))


def cosine(a, b):
    return math.fsum(p * q for p, q in zip(a, b)) / norm(a) / norm(b)


def pairs(m):
    c = [cosine(m[i], m[j]) for i in range(len(m)) for j in range(i)]
    return mean(c)


def rank(m):
    """By elimination with full pivoting; a pivot below 1e-5 of the largest is rounding."""
    m = [list(r) for r in m]
    largest = max(abs(v) for r in m for v in r)
    found = 0
    while m and m[0]:
        i, j = max(((i, j) for i in range(len(m)) for j in range(len(m[0]))), key=lambda p: abs(m[p[0]][p[1]]))
        if abs(m[i][j]) <= 1e-5 * largest:
            break
        found += 1
        top = m.pop(i)
        m = [[a - r[j] / top[j] * b for k, (a, b) in enumerate(zip(r, top)) if k != j] for r in m]
    return found


def multiplications(c, trace):
    """Of the whole pass, by the rules of measure/cost.h, from the shapes in the trace alone."""
    d, total = c["d_model"], 0
    heads, d_head, d_ff, vocab = c["n_heads"], c.get("d_head") or d // c["n_heads"], c["d_ff"], c["vocab_size"]
    groups = c.get("n_kv_heads") or heads
    act = {"relu": 0, "silu": 1, "gelu": 3, "gelu_tanh": 6}[c["activation"]]
    for name, (shape, x) in trace.items():
        kind = name.split(".")[-1]
        n, rows_ = len(x), shape[-2]
        if kind == "q":
            total += rows_ * d * heads * d_head
        elif kind in ("k", "v"):
            total += rows_ * d * groups * d_head
        elif kind in ("q_rot", "k_rot"):
            total += 2 * n
        elif kind == "scores":
            total += n * d_head
        elif kind in ("scaled", "biased", "weights", "probs", "product"):
            total += n
        elif kind == "heads":
            total += n * trace[name.replace("heads", "weights")][0][-1]
        elif kind == "out":
            total += rows_ * heads * d_head * d
        elif kind in ("gate", "expand"):
            total += rows_ * d * d_ff
        elif kind == "contract":
            total += rows_ * d_ff * d
        elif kind == "activate":
            total += act * n
        elif kind in ("norm", "final_norm", "q_norm", "k_norm"):
            total += 3 * n
        elif kind == "logits":
            total += rows_ * d * vocab
        elif kind == "tokens":
            total += n if c.get("embed_scale") else 0
    return total


def case(folder, stack):
    path = "tests/golden/" + folder
    c, config = json.load(open(path + "/case.json")), json.load(open(path + "/config.json"))
    t, w, g = read(path + "/trace.safetensors"), read(path + "/model.safetensors"), read(path + "/grads.safetensors")
    ids = lambda key: ",".join(map(str, c.get(key) or []))
    print("\nmodel %s\nids %s | %s | %s" % (path, ids("source"), ids("target"), ids("targets")))
    row = lambda expression, x: print("%s => %s" % (expression, ("%d" % x) if isinstance(x, int) else "%.9g" % x))
    a = stack + ".0.self."
    weights, scores = t[a + "weights"], t[a + "masked"]
    heads, queries, keys = weights[0]
    row("loss", c["loss"])
    row("n", len(c["target"] or c["source"]))
    row("d_model", config["d_model"])
    row("entropy(%sweights[head=1,query=-1])" % a, entropy(rows(weights)[2 * queries - 1]))
    row("entropy(%sweights)[head=0,query=1]" % a, entropy(rows(weights)[1]))
    row("mean(entropy(%sweights))" % a, mean([entropy(r) for r in rows(weights)]))
    row("min(entropy(%sweights[head=1]))" % a, min(entropy(r) for r in rows(weights)[queries:2 * queries]))
    row("var(%smasked)" % a, var(finite(scores[1])))
    row("mean(%smasked)" % a, mean(finite(scores[1])))
    row("min(%smasked)" % a, min(finite(scores[1])))
    row("max(%smasked)" % a, max(scores[1]))
    row("sum(%smasked)" % a, math.fsum(finite(scores[1])))
    row("norm(%smasked)" % a, norm(finite(scores[1])))
    row("count(%smasked == -inf)" % a, sum(v == -math.inf for v in scores[1]))
    row("var(%sscores[head=1])" % a, var(t[a + "scores"][1][queries * keys:2 * queries * keys]))
    row("var(%sscores, key)[0,2]" % a, var(rows(t[a + "scores"])[2]))
    row("sparsity(%sweights)" % a, mean([v == 0 for v in weights[1]]))
    row("argmax(%sweights)[head=1,query=-1] + 0" % a, max(range(keys), key=lambda k: rows(weights)[2 * queries - 1][k]))
    row("count(%sweights)" % a, len(weights[1]))
    q = rows(t[a + "q"])
    row("cosine(%sq[head=0,token=0], %sq[head=0,token=1])" % (a, a), cosine(q[0], q[1]))
    row("cosine(%sq[head=1])" % a, pairs(q[queries:2 * queries]))
    s = rows(t[a + "scores"])
    row("rank(%sscores)[head=0]" % a, rank(s[:queries]))
    row("rank(%sout)" % a, rank(rows(t[a + "out"])))
    row("rank(%sW_Q)" % a, rank(rows(w[a + "W_Q"])))
    probs, logits = rows(t["output.probs"]), rows(t["output.logits"])
    row("probability(3)", probs[-1][3])
    row("probability(3, 0)", probs[0][3])
    row("logit(5, -2)", logits[-2][5])
    row("log(probability(3)) - logit(3)", math.log(probs[-1][3]) - logits[-1][3])
    row("argmax(output.probs)[0] + 0", max(range(len(probs[0])), key=lambda k: probs[0][k]))
    row("norm(grad(%sW_Q))" % a, norm(g[a + "W_Q"][1]))
    row("max(abs(grad(%sW_Q)))" % a, max(abs(v) for v in g[a + "W_Q"][1]))
    row("parameters()", sum(len(x) for _, x in w.values()))
    row("parameters(%s0)" % (stack + "."), sum(len(x) for name, (_, x) in w.items() if name.startswith(stack + ".0.")))
    row("multiplications()", multiplications(config, t))
    row("bytes(%sscores) / bytes(%sq)" % (a, a), len(t[a + "scores"][1]) / len(t[a + "q"][1]))
    layers = [n for n in t if n.startswith(stack + ".") and n.endswith(".self.weights")]
    row("max(entropy(%s.*.self.weights), head, query)[layer=-1]" % stack, max(entropy(r) for r in rows(t[layers[-1]])))
    row("sum(shape(%s.self.weights))" % stack, (len(layers) if len(layers) > 1 else 0) + heads + queries + keys)


print("# Made by make_expressions.py from the golden traces. Rows as in expressions.txt.")
case("original-post-sinusoidal", "decoder")
case("gpt-pre-learned", "decoder")
case("llama-rope-gqa-gated", "decoder")
case("qwen3", "decoder")
case("encoder-alibi", "encoder")
case("encdec-gqa-alibi-rms", "encoder")
