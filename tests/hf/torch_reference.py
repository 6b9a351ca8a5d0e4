#!/usr/bin/env python3
"""Folders of GPT-NeoX models with random weights, as save_pretrained would write them, and what PyTorch makes of them: the
architecture written down from its publications (Black et al. 2022; Wang and Komatsuzaki 2021 for the parallel residual; Su et al. 2021 for
RoPE) with torch.nn.functional alone, in float64.

    python3 tests/hf/torch_reference.py        writes tests/hf/NAME/ again

Knows nothing of this program. A case is a config.json, a model.safetensors with the names that the transformers library gives, expected.json
(ids) and expected.safetensors (logits, and the attention and hidden states of every layer).
"""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)


# ---- files ----

KINDS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def write_safetensors(path, tensors, dtype="F32"):
    """Returns the numbers as they are in the file."""
    header, blobs, at, numbers = {}, [], 0, {}
    for name, x in tensors.items():
        y = x.to(torch.float32).to(KINDS[dtype]).contiguous()
        blob = bytes(y.view(torch.int16 if dtype != "F32" else torch.int32).numpy().tobytes())
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
        numbers[name] = y.to(torch.float64)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    return numbers


ACTIVATIONS = {
    "gelu": F.gelu,
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "relu": F.relu,
}


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))


def norm(w, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], eps)


# ---- GPT-NeoX ----

def turn(x, dims, theta, factor):
    """x [heads, T, k]: of the first `dims` dimensions, i and i + dims/2 are a pair; the others stay."""
    T = x.shape[1]
    speed = theta ** (-torch.arange(0, dims, 2) / dims) / factor
    angle = torch.outer(torch.arange(T).double(), speed)
    cos, sin = angle.cos(), angle.sin()
    a, b, rest = x[..., :dims // 2], x[..., dims // 2:dims], x[..., dims:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


def gpt_neox(c, w, ids):
    H, d, eps, out = c["num_attention_heads"], c["hidden_size"], c["layer_norm_eps"], {}
    k, T, act = d // H, len(ids), ACTIVATIONS[c["hidden_act"]]
    rope = c.get("rope_parameters") or {}
    theta = rope.get("rope_theta", c.get("rotary_emb_base", 10000))
    dims = int(k * rope.get("partial_rotary_factor", c.get("rotary_pct", 0.25)))
    factor = (c.get("rope_scaling") or {}).get("factor", 1.0)
    hidden = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    x = w["gpt_neox.embed_in.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        out[f"hidden.{i}"] = x
        p = f"gpt_neox.layers.{i}."

        def attend(y):
            qkv = linear(w, p + "attention.query_key_value", y).view(T, H, 3, k)
            q, key, v = (qkv[:, :, n].transpose(0, 1) for n in range(3))
            q, key = turn(q, dims, theta, factor), turn(key, dims, theta, factor)
            scores = (q @ key.transpose(1, 2) / math.sqrt(k)).masked_fill(hidden, -math.inf)
            out[f"attention.{i}"] = scores.softmax(-1)
            z = (out[f"attention.{i}"] @ v).transpose(0, 1).reshape(T, d)
            return linear(w, p + "attention.dense", z)

        def mlp(y):
            return linear(w, p + "mlp.dense_4h_to_h", act(linear(w, p + "mlp.dense_h_to_4h", y)))

        attended = attend(norm(w, p + "input_layernorm", x, eps))
        if c["use_parallel_residual"]:
            x = mlp(norm(w, p + "post_attention_layernorm", x, eps)) + attended + x
        else:
            x = x + attended
            x = x + mlp(norm(w, p + "post_attention_layernorm", x, eps))
    x = out[f"hidden.{c['num_hidden_layers']}"] = norm(w, "gpt_neox.final_layer_norm", x, eps)
    out["logits"] = x @ (w["gpt_neox.embed_in.weight"] if c["tie_word_embeddings"] else w["embed_out.weight"]).T
    return out


def gpt_neox_tensors(c, g, masks):
    d, ff, t = c["hidden_size"], c["intermediate_size"], {}

    def add(name, *shape, around=0.0, std=None):
        t[name] = around + (std or 1 / math.sqrt(shape[-1])) * torch.randn(*shape, generator=g)

    add("gpt_neox.embed_in.weight", c["vocab_size"], d, std=0.5)
    for i in range(c["num_hidden_layers"]):
        p = f"gpt_neox.layers.{i}."
        for n in ("input_layernorm", "post_attention_layernorm"):
            add(p + n + ".weight", d, around=1.0, std=0.2)
            add(p + n + ".bias", d, std=0.2)
        for n, a, b in (("attention.query_key_value", d, 3 * d), ("attention.dense", d, d), ("mlp.dense_h_to_4h", d, ff),
                        ("mlp.dense_4h_to_h", ff, d)):
            add(p + n + ".weight", b, a)
            if c.get("attention_bias", True) or n.startswith("mlp"):
                add(p + n + ".bias", b, std=0.1)
        if masks:
            t[p + "attention.bias"] = torch.tril(torch.ones(1, 1, 8, 8))
            t[p + "attention.masked_bias"] = torch.tensor(-1e9)
            t[p + "attention.rotary_emb.inv_freq"] = torch.ones(4)
    add("gpt_neox.final_layer_norm.weight", d, around=1.0, std=0.2)
    add("gpt_neox.final_layer_norm.bias", d, std=0.2)
    if not c["tie_word_embeddings"]:
        add("embed_out.weight", c["vocab_size"], d)
    return t


# ---- the cases ----

NEOX = dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], vocab_size=29, hidden_size=32, intermediate_size=48,
            num_hidden_layers=2, num_attention_heads=2, hidden_act="gelu", layer_norm_eps=1e-5, max_position_embeddings=64, rotary_pct=0.25,
            rotary_emb_base=10000, use_parallel_residual=True, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0)

CASES = {
    "gpt-neox": (NEOX, "F32", gpt_neox_tensors, gpt_neox, dict(masks=True)),
    "gpt-neox-f16": ({**NEOX, "num_attention_heads": 4, "rotary_pct": 1.0, "hidden_act": "gelu_new", "num_hidden_layers": 3},
                     "F16", gpt_neox_tensors, gpt_neox, dict(masks=False)),
    "gpt-neox-sequential": ({**{k: v for k, v in NEOX.items() if not k.startswith("rotary")}, "use_parallel_residual": False,
                             "attention_bias": False, "tie_word_embeddings": True, "hidden_act": "relu",
                             "rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5}},
                            "BF16", gpt_neox_tensors, gpt_neox, dict(masks=False)),
    "gpt-neox-linear": ({**NEOX, "rotary_pct": 0.5, "rope_scaling": {"type": "linear", "factor": 2.0}}, "F32", gpt_neox_tensors, gpt_neox,
                        dict(masks=False)),
}


def main():
    for n, (name, (config, dtype, make, run, special)) in enumerate(CASES.items()):
        g = torch.Generator().manual_seed(200 + n)
        folder = os.path.join(HERE, name)
        os.makedirs(folder, exist_ok=True)
        numbers = write_safetensors(os.path.join(folder, "model.safetensors"), make(config, g, **special), dtype)
        ids = [int(i) for i in torch.randint(config["vocab_size"], (11,), generator=g)]
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config, f, indent=2, sort_keys=True)
            f.write("\n")
        with open(os.path.join(folder, "expected.json"), "w") as f:
            json.dump({"tokens": ids}, f)
        write_safetensors(os.path.join(folder, "expected.safetensors"), run(config, numbers, ids))


main()
