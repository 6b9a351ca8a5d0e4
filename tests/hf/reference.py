#!/usr/bin/env python3
"""Folders as Hugging Face writes them, of configs that the four copied from the library's own output do not cover, with what the
library's definitions make of them: in float64, in numpy, from the formulas of its documentation and of the papers (RoPE, YaRN, Llama 3.1).

    python3 tests/hf/reference.py        writes tests/hf/NAME/ again, and tests/hf/rope.json

Knows nothing of this program. A case is a config.json, a model.safetensors, expected.json (ids) and expected.safetensors (logits, and the
attention and hidden states of every layer, named as in the four).
"""
import json
import math
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- files ----

def stored(x, dtype):
    """x rounded to a dtype, as bytes, and as the numbers that are then in the file."""
    x = x.astype("<f4")
    if dtype == "F32":
        return x.tobytes(), x.astype(np.float64)
    if dtype == "F16":
        h = x.astype("<f2")
        return h.tobytes(), h.astype(np.float64)
    bits = x.view("<u4")
    bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")  # to nearest, ties to even
    return bits.tobytes(), (bits.astype("<u4") << 16).view("<f4").astype(np.float64)


def write_safetensors(path, tensors, dtype):
    header, blobs, at, numbers = {}, [], 0, {}
    for name, x in tensors.items():
        blob, numbers[name] = stored(x, dtype)
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    return numbers


# ---- RoPE ----

def rope(head_dim, theta, max_len, scaling=None):
    """Turns per position of each pair, and what cosines and sines are multiplied by."""
    speed = theta ** (-np.arange(0, head_dim, 2) / head_dim)
    if not scaling:
        return speed, 1.0
    kind = scaling.get("rope_type", scaling.get("type"))
    factor = scaling.get("factor")
    if kind == "linear":
        return speed / factor, 1.0
    if kind == "dynamic":
        return speed, 1.0  # up to max_len positions
    if kind == "llama3":
        old, low, high = scaling["original_max_position_embeddings"], scaling["low_freq_factor"], scaling["high_freq_factor"]
        out = []
        for s in speed:
            wavelength = 2 * math.pi / s
            if wavelength < old / high:
                out.append(s)
            elif wavelength > old / low:
                out.append(s / factor)
            else:
                smooth = (old / wavelength - low) / (high - low)
                out.append((1 - smooth) * s / factor + smooth * s)
        return np.array(out), 1.0
    assert kind == "yarn"
    old = scaling.get("original_max_position_embeddings", max_len)
    if factor is None:
        factor = max_len / old
    length = scaling.get("attention_factor")
    grown = lambda m: 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1.0
    if length is None and scaling.get("mscale") and scaling.get("mscale_all_dim"):
        length = grown(scaling["mscale"]) / grown(scaling["mscale_all_dim"])
    if length is None:
        length = grown(1)
    pair = lambda turns: head_dim * math.log(old / (turns * 2 * math.pi)) / (2 * math.log(theta))
    low, high = pair(scaling.get("beta_fast") or 32), pair(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(head_dim // 2) - low) / (high - low), 0, 1)
    return speed / factor * ramp + speed * (1 - ramp), length


def rotate(x, speed, length):
    """x [heads, T, k]: pair i is (i, i + k/2)."""
    T, k = x.shape[-2:]
    angle = np.arange(T)[:, None] * speed[None, :]
    cos, sin = np.cos(angle) * length, np.sin(angle) * length
    a, b = x[..., :k // 2], x[..., k // 2:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


# ---- the passes ----

def erf(x):
    return np.vectorize(math.erf)(x)


ACTIVATIONS = {
    "silu": lambda x: x / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x / 2 * (1 + erf(x / math.sqrt(2))),
    "gelu_new": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v, scale, window=None):
    """q [H, T, d], k and v [G, T, d]: the weights [H, T, T], and the heads side by side [T, H * d]."""
    group = q.shape[0] // k.shape[0]
    k, v = np.repeat(k, group, 0), np.repeat(v, group, 0)
    T = q.shape[1]
    i, j = np.arange(T)[:, None], np.arange(T)[None, :]
    seen = j <= i
    if window:
        seen &= j > i - window
    w = softmax(np.where(seen, q @ k.transpose(0, 2, 1) * scale, -np.inf))
    return w, (w @ v).transpose(1, 0, 2).reshape(T, -1)


def heads(x, n):
    return x.reshape(x.shape[0], n, -1).transpose(1, 0, 2)


def gpt2(c, w, ids):
    at = lambda name: w[name]
    out, H = {}, c["n_head"]
    norm = lambda x, p: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + c["layer_norm_epsilon"]) * at(p + ".weight") + at(p + ".bias")
    x = at("wte.weight")[ids] + at("wpe.weight")[:len(ids)]
    for i in range(c["n_layer"]):
        out[f"hidden.{i}"] = x
        p = f"h.{i}."
        q, k, v = np.split(norm(x, p + "ln_1") @ at(p + "attn.c_attn.weight") + at(p + "attn.c_attn.bias"), 3, -1)
        scale = 1 / math.sqrt(q.shape[1] // H) if c["scale_attn_weights"] else 1.0
        if c["scale_attn_by_inverse_layer_idx"]:
            scale /= i + 1
        out[f"attention.{i}"], z = attend(heads(q, H), heads(k, H), heads(v, H), scale)
        x = x + z @ at(p + "attn.c_proj.weight") + at(p + "attn.c_proj.bias")
        h = ACTIVATIONS[c["activation_function"]](norm(x, p + "ln_2") @ at(p + "mlp.c_fc.weight") + at(p + "mlp.c_fc.bias"))
        x = x + h @ at(p + "mlp.c_proj.weight") + at(p + "mlp.c_proj.bias")
    x = out[f"hidden.{c['n_layer']}"] = norm(x, "ln_f")
    out["logits"] = x @ (at("wte.weight") if c.get("tie_word_embeddings", True) else at("lm_head.weight")).T
    return out


def llama(c, w, ids):
    out, H, G = {}, c["num_attention_heads"], c["num_key_value_heads"]
    k_dim = c.get("head_dim") or c["hidden_size"] // H
    p0 = "model." if "model.norm.weight" in w else ""
    theta = c.get("rope_theta") or (c.get("rope_parameters") or {}).get("rope_theta") or 10000.0
    speed, length = rope(k_dim, theta, c["max_position_embeddings"], c.get("rope_scaling") or c.get("rope_parameters"))
    norm = lambda x, name: x / np.sqrt((x * x).mean(-1, keepdims=True) + c["rms_norm_eps"]) * w[name + ".weight"]
    linear = lambda x, name: x @ w[name + ".weight"].T + w.get(name + ".bias", 0)
    act = ACTIVATIONS[c["hidden_act"]]
    x = w[p0 + "embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        out[f"hidden.{i}"] = x
        p = f"{p0}layers.{i}."
        y = norm(x, p + "input_layernorm")
        q, k, v = (heads(linear(y, f"{p}self_attn.{n}_proj"), m) for n, m in (("q", H), ("k", G), ("v", G)))
        if c["model_type"] == "qwen3":  # each head's query and key, one gain for all heads
            q, k = norm(q, p + "self_attn.q_norm"), norm(k, p + "self_attn.k_norm")
        window = c.get("sliding_window") if c["model_type"] == "mistral" else None
        out[f"attention.{i}"], z = attend(rotate(q, speed, length), rotate(k, speed, length), v, 1 / math.sqrt(k_dim), window)
        x = x + linear(z, p + "self_attn.o_proj")
        y = norm(x, p + "post_attention_layernorm")
        x = x + linear(act(linear(y, p + "mlp.gate_proj")) * linear(y, p + "mlp.up_proj"), p + "mlp.down_proj")
    x = out[f"hidden.{c['num_hidden_layers']}"] = norm(x, p0 + "norm")
    out["logits"] = x @ (w[p0 + "embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]).T
    return out


# ---- random weights: every bias and gain random too ----

def gpt2_tensors(c, g, prefix, head, masks):
    d, ff = c["n_embd"], c["n_inner"] or 4 * c["n_embd"]
    t = {}
    add = lambda name, *shape, around=0.0, std=None: t.__setitem__(name, around + (std or 1 / math.sqrt(shape[0])) * g.standard_normal(shape))
    add(prefix + "wte.weight", c["vocab_size"], d, std=0.5)
    add(prefix + "wpe.weight", c["n_positions"], d, std=0.5)
    for i in range(c["n_layer"]):
        p = f"{prefix}h.{i}."
        for n in ("ln_1", "ln_2"):
            add(p + n + ".weight", d, around=1.0, std=0.2)
            add(p + n + ".bias", d, std=0.2)
        for n, a, b in (("attn.c_attn", d, 3 * d), ("attn.c_proj", d, d), ("mlp.c_fc", d, ff), ("mlp.c_proj", ff, d)):
            add(p + n + ".weight", a, b)
            add(p + n + ".bias", b, std=0.1)
        if masks:
            t[p + "attn.bias"] = np.tril(np.ones((1, 1, 8, 8)))
            t[p + "attn.masked_bias"] = np.array(-1e4)
    add(prefix + "ln_f.weight", d, around=1.0, std=0.2)
    add(prefix + "ln_f.bias", d, std=0.2)
    if head:
        add("lm_head.weight", c["vocab_size"], d, std=1 / math.sqrt(d))
    return t


def llama_tensors(c, g, prefix, frequencies):
    d, ff, H, G = c["hidden_size"], c["intermediate_size"], c["num_attention_heads"], c["num_key_value_heads"]
    k = c.get("head_dim") or d // H
    attention = {n: c.get("attention_bias", False) or (c["model_type"] == "qwen2" and n != "o") for n in "qkvo"}
    t = {}
    add = lambda name, *shape, around=0.0, std=None: t.__setitem__(name, around + (std or 1 / math.sqrt(shape[-1])) * g.standard_normal(shape))
    add(prefix + "embed_tokens.weight", c["vocab_size"], d, std=0.5)
    for i in range(c["num_hidden_layers"]):
        p = f"{prefix}layers.{i}."
        for n in ("input_layernorm", "post_attention_layernorm"):
            add(p + n + ".weight", d, around=1.0, std=0.2)
        for n, a, b in (("q", d, H * k), ("k", d, G * k), ("v", d, G * k), ("o", H * k, d)):
            add(f"{p}self_attn.{n}_proj.weight", b, a)
            if attention[n]:
                add(f"{p}self_attn.{n}_proj.bias", b, std=0.1)
        for n in ("q_norm", "k_norm") if c["model_type"] == "qwen3" else ():
            add(f"{p}self_attn.{n}.weight", k, around=1.0, std=0.2)
        for n, a, b in (("gate", d, ff), ("up", d, ff), ("down", ff, d)):
            add(f"{p}mlp.{n}_proj.weight", b, a)
            if c.get("mlp_bias"):
                add(f"{p}mlp.{n}_proj.bias", b, std=0.1)
        if frequencies:
            t[p + "self_attn.rotary_emb.inv_freq"] = np.ones(k // 2)
    add(prefix + "norm.weight", d, around=1.0, std=0.2)
    if not c["tie_word_embeddings"]:
        add("lm_head.weight", c["vocab_size"], d)
    return t


# ---- the cases ----

GPT2 = dict(model_type="gpt2", vocab_size=29, n_positions=24, n_embd=24, n_layer=2, n_head=3, n_inner=None, layer_norm_epsilon=1e-5,
            activation_function="gelu_new", scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
LLAMA = dict(model_type="llama", vocab_size=29, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, head_dim=16, hidden_act="silu", max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", rope_theta=500.0, factor=4.0, original_max_position_embeddings=64)

CASES = {
    # name: (config, dtype, what is special about its tensors)
    "gpt2-by-layer": ({**GPT2, "scale_attn_by_inverse_layer_idx": True, "activation_function": "gelu", "n_inner": 40, "n_layer": 3,
                       "tie_word_embeddings": False}, "F32", dict(prefix="transformer.", head=True, masks=True)),
    "gpt2-unscaled": ({**GPT2, "scale_attn_weights": False, "activation_function": "relu"}, "F16", dict(prefix="", head=False, masks=False)),
    "llama-llama3": ({**LLAMA, "rope_theta": 10000.0, "rope_scaling": LLAMA3}, "F16", dict(prefix="model.", frequencies=False)),
    "llama-yarn": ({**LLAMA, "rope_parameters": YARN, "attention_bias": True, "mlp_bias": True}, "F32", dict(prefix="model.", frequencies=False)),
    "llama-linear": ({**LLAMA, "head_dim": None, "rope_scaling": {"type": "linear", "factor": 2.5}, "num_key_value_heads": 1,
                      "tie_word_embeddings": True}, "F32", dict(prefix="", frequencies=True)),
    "mistral-window": ({**LLAMA, "model_type": "mistral", "sliding_window": 3, "rope_theta": 1e6}, "BF16", dict(prefix="model.", frequencies=False)),
    "qwen2": ({**LLAMA, "model_type": "qwen2", "tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": 4,
               "max_window_layers": 1, "rope_theta": 1e6}, "F32", dict(prefix="model.", frequencies=False)),
    "qwen3": ({**LLAMA, "model_type": "qwen3", "attention_bias": False, "head_dim": 12, "rms_norm_eps": 0.01, "use_sliding_window": False,
               "sliding_window": None, "max_window_layers": 2, "rope_theta": 1e6}, "F32", dict(prefix="model.", frequencies=False)),
}

ROPES = [
    dict(head_dim=64, theta=10000.0, max_len=2048, scaling=None),
    dict(head_dim=64, theta=10000.0, max_len=4096, scaling=dict(rope_type="linear", factor=2.0)),
    dict(head_dim=64, theta=10000.0, max_len=2048, scaling=dict(rope_type="dynamic", factor=4.0)),
    dict(head_dim=128, theta=500000.0, max_len=131072, scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                                  original_max_position_embeddings=8192)),
    dict(head_dim=128, theta=1e6, max_len=32768, scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32768)),
    dict(head_dim=128, theta=1e6, max_len=131072, scaling=dict(rope_type="yarn", original_max_position_embeddings=32768)),
    dict(head_dim=64, theta=10000.0, max_len=163840, scaling=dict(rope_type="yarn", factor=40.0, beta_fast=32, beta_slow=1, mscale=1.0,
                                                                mscale_all_dim=0.707, original_max_position_embeddings=4096)),
    dict(head_dim=64, theta=150000.0, max_len=131072, scaling=dict(rope_type="yarn", factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False,
                                                                 original_max_position_embeddings=4096)),
    dict(head_dim=64, theta=10000.0, max_len=4096, scaling=dict(type="yarn", factor=8.0, attention_factor=1.25)),
    # the ramp ends behind the last pair; nothing is stretched; one of two mscales alone does nothing
    dict(head_dim=64, theta=100.0, max_len=65536, scaling=dict(rope_type="yarn", factor=4.0)),
    dict(head_dim=16, theta=10000.0, max_len=64, scaling=dict(rope_type="yarn", factor=0.5)),
    dict(head_dim=16, theta=10000.0, max_len=4096, scaling=dict(rope_type="yarn", factor=4.0, mscale=0.5)),
]


def main():
    for n, (name, (config, dtype, special)) in enumerate(CASES.items()):
        g = np.random.default_rng(100 + n)
        folder = os.path.join(HERE, name)
        os.makedirs(folder, exist_ok=True)
        make, run = (gpt2_tensors, gpt2) if config["model_type"] == "gpt2" else (llama_tensors, llama)
        numbers = write_safetensors(os.path.join(folder, "model.safetensors"), make(config, g, **special), dtype)
        if config["model_type"] == "gpt2":
            numbers = {k.removeprefix("transformer."): x for k, x in numbers.items()}
        ids = [int(i) for i in g.integers(0, config["vocab_size"], 11)]
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config, f, indent=2, sort_keys=True)
            f.write("\n")
        with open(os.path.join(folder, "expected.json"), "w") as f:
            json.dump({"tokens": ids}, f)
        write_safetensors(os.path.join(folder, "expected.safetensors"), run(config, numbers, ids), "F32")
    out = []
    for r in ROPES:
        speed, length = rope(**r)
        out.append({**r, "speeds": list(speed), "length": length})
    with open(os.path.join(HERE, "rope.json"), "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
