#!/usr/bin/env python3
"""Folders of GPT-NeoX and BERT models with random weights, as save_pretrained would write them, and what PyTorch makes of them: the
architectures written down from their publications (Black et al. 2022; Wang and Komatsuzaki 2021 for the parallel residual; Su et al. 2021
for RoPE; Devlin et al. 2019) with torch.nn.functional alone, in float64.

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


# ---- BERT, with the head of its masked language model ----

def bert(c, w, ids):
    H, d, eps, out = c["num_attention_heads"], c["hidden_size"], c["layer_norm_eps"], {}
    k, T, act = d // H, len(ids), ACTIVATIONS[c["hidden_act"]]
    w = {n.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias"): x for n, x in w.items()}
    # What BertTokenizer gives for a pair of texts: segment 1 behind the first separator; padding is segment 0 and is not attended to.
    sep, pad = c["sep_token_id"], c.get("pad_token_id", 0)
    types, seen = [], False
    for i in ids:
        types.append(int(seen and i != pad))
        seen = seen or i == sep
    padding = torch.tensor([i == pad for i in ids])
    e = "bert.embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "token_type_embeddings.weight"][types] + w[e + "position_embeddings.weight"][:T]
    x = norm(w, e + "LayerNorm", x, eps)
    for i in range(c["num_hidden_layers"]):
        out[f"hidden.{i}"] = x
        p = f"bert.encoder.layer.{i}."
        q, key, v = (linear(w, f"{p}attention.self.{n}", x).view(T, H, k).transpose(0, 1) for n in ("query", "key", "value"))
        scores = (q @ key.transpose(1, 2) / math.sqrt(k)).masked_fill(padding[None, None, :], -math.inf)
        out[f"attention.{i}"] = scores.softmax(-1)
        z = (out[f"attention.{i}"] @ v).transpose(0, 1).reshape(T, d)
        x = norm(w, p + "attention.output.LayerNorm", linear(w, p + "attention.output.dense", z) + x, eps)
        y = linear(w, p + "output.dense", act(linear(w, p + "intermediate.dense", x)))
        x = norm(w, p + "output.LayerNorm", y + x, eps)
    out[f"hidden.{c['num_hidden_layers']}"] = x
    p = "cls.predictions."
    h = norm(w, p + "transform.LayerNorm", act(linear(w, p + "transform.dense", x)), eps)
    unembed = w[e + "word_embeddings.weight"] if c.get("tie_word_embeddings", True) else w[p + "decoder.weight"]
    out["logits"] = h @ unembed.T + w[p + "bias"]
    return out


def bert_tensors(c, g, older, copies):
    d, ff, t = c["hidden_size"], c["intermediate_size"], {}
    gain, shift = ("gamma", "beta") if older else ("weight", "bias")

    def add(name, *shape, around=0.0, std=None):
        t[name] = around + (std or 1 / math.sqrt(shape[-1])) * torch.randn(*shape, generator=g)

    def add_norm(name):
        add(f"{name}.{gain}", d, around=1.0, std=0.2)
        add(f"{name}.{shift}", d, std=0.2)

    def add_linear(name, a, b):
        add(name + ".weight", b, a)
        add(name + ".bias", b, std=0.1)

    add("bert.embeddings.word_embeddings.weight", c["vocab_size"], d, std=0.5)
    add("bert.embeddings.position_embeddings.weight", c["max_position_embeddings"], d, std=0.5)
    add("bert.embeddings.token_type_embeddings.weight", c["type_vocab_size"], d, std=0.5)
    add_norm("bert.embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        for n in ("query", "key", "value"):
            add_linear(f"{p}attention.self.{n}", d, d)
        add_linear(p + "attention.output.dense", d, d)
        add_norm(p + "attention.output.LayerNorm")
        add_linear(p + "intermediate.dense", d, ff)
        add_linear(p + "output.dense", ff, d)
        add_norm(p + "output.LayerNorm")
    add_linear("cls.predictions.transform.dense", d, d)
    add_norm("cls.predictions.transform.LayerNorm")
    add("cls.predictions.bias", c["vocab_size"], std=0.5)
    tied = c.get("tie_word_embeddings", True)
    if not tied:
        add("cls.predictions.decoder.weight", c["vocab_size"], d)
    if copies:
        if tied:
            t["cls.predictions.decoder.weight"] = t["bert.embeddings.word_embeddings.weight"]
        t["cls.predictions.decoder.bias"] = t["cls.predictions.bias"]
        add_linear("bert.pooler.dense", d, d)
        add_linear("cls.seq_relationship", d, 2)
    return t


# ---- the cases ----

NEOX = dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], vocab_size=29, hidden_size=32, intermediate_size=48,
            num_hidden_layers=2, num_attention_heads=2, hidden_act="gelu", layer_norm_eps=1e-5, max_position_embeddings=64, rotary_pct=0.25,
            rotary_emb_base=10000, use_parallel_residual=True, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0)

BERT = dict(model_type="bert", architectures=["BertForMaskedLM"], vocab_size=29, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
            num_attention_heads=3, hidden_act="gelu", layer_norm_eps=1e-12, max_position_embeddings=16, type_vocab_size=2, pad_token_id=0,
            cls_token_id=1, sep_token_id=2, mask_token_id=3, position_embedding_type="absolute")
PAIR = [1, 17, 3, 8, 2, 20, 9, 3, 11, 2, 0, 0]  # [CLS] a [MASK] b [SEP] c d [MASK] e [SEP] [PAD] [PAD]

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
    "bert": (BERT, "F32", bert_tensors, bert, dict(older=False, copies=True, ids=PAIR)),
    "bert-older": ({**{k: v for k, v in BERT.items() if k not in ("pad_token_id", "position_embedding_type")}, "hidden_act": "gelu_new",
                    "num_hidden_layers": 3}, "F16", bert_tensors, bert, dict(older=True, copies=False, ids=PAIR[:10])),
    "bert-untied": ({**BERT, "tie_word_embeddings": False, "hidden_act": "relu", "type_vocab_size": 1, "sep_token_id": None}, "F32",
                    bert_tensors, bert, dict(older=False, copies=False, ids=[1, 17, 3, 8, 20, 9])),
}


def main():
    for n, (name, (config, dtype, make, run, special)) in enumerate(CASES.items()):
        g = torch.Generator().manual_seed(200 + n)
        folder = os.path.join(HERE, name)
        os.makedirs(folder, exist_ok=True)
        given = special.pop("ids", None)
        numbers = write_safetensors(os.path.join(folder, "model.safetensors"), make(config, g, **special), dtype)
        ids = given or [int(i) for i in torch.randint(config["vocab_size"], (11,), generator=g)]
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config, f, indent=2, sort_keys=True)
            f.write("\n")
        with open(os.path.join(folder, "expected.json"), "w") as f:
            json.dump({"tokens": ids}, f)
        write_safetensors(os.path.join(folder, "expected.safetensors"), run(config, numbers, ids))


main()
