#!/usr/bin/env python3
"""A folder of a Marian translation model as Hugging Face writes it (random weights, the real keys and names), with what the published architecture
makes of it: in PyTorch, float64, from the description of the paper (Junczys-Dowmunt et al. 2018) and of the library's MarianMTModel.

    python3 tests/hf/marian.py           writes tests/hf/marian/ again (needs torch; the tokenizer's files are tests/hf/marian_tokenizer.py's)

Knows nothing of this program. expected.json has the ids of both stacks and the greedy translation; expected.safetensors the logits, and the
attention and hidden states of every layer, named as the library's output names them.
"""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "marian")
PAD = 176  # the last of vocab.json, as in opus-mt

CONFIG = {
    "_num_labels": 3, "activation_dropout": 0.0, "activation_function": "swish", "add_bias_logits": False, "add_final_layer_norm": False,
    "architectures": ["MarianMTModel"], "attention_dropout": 0.0, "bad_words_ids": [[PAD]], "bos_token_id": 0, "classif_dropout": 0.0,
    "classifier_dropout": 0.0, "d_model": 20, "decoder_attention_heads": 4, "decoder_ffn_dim": 28, "decoder_layerdrop": 0.0,
    "decoder_layers": 3, "decoder_start_token_id": PAD, "dropout": 0.1, "encoder_attention_heads": 4, "encoder_ffn_dim": 28,
    "encoder_layerdrop": 0.0, "encoder_layers": 2, "eos_token_id": 0, "extra_pos_embeddings": PAD + 1, "forced_eos_token_id": 0,
    "id2label": {"0": "LABEL_0"}, "init_std": 0.02, "is_encoder_decoder": True, "label2id": {"LABEL_0": 0}, "max_length": 64,
    "max_position_embeddings": 64, "model_type": "marian", "normalize_before": False, "normalize_embedding": False, "num_beams": 1,
    "num_hidden_layers": 2, "pad_token_id": PAD, "scale_embedding": True, "static_position_embeddings": True, "vocab_size": PAD + 1,
}


def tensors(g):
    """Every weight random, biases and gains too; the embedding of padding is 0, as in the converted models."""
    c, d, w = CONFIG, CONFIG["d_model"], {}
    normal = lambda *shape, std=1.0, mean=0.0: (mean + std * torch.randn(*shape, generator=g, dtype=torch.float64)).float().double()

    def linear(name, inputs, outputs):
        strong = 2.6 if "encoder_attn" in name or "fc2" in name else 1.3  # so that the translation does not repeat itself
        w[name + ".weight"] = normal(outputs, inputs, std=strong / math.sqrt(inputs))
        w[name + ".bias"] = normal(outputs, std=0.2)

    def norm(name):
        w[name + ".weight"] = normal(d, std=0.2, mean=1)
        w[name + ".bias"] = normal(d, std=0.2)

    def attention(name):
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            linear(f"{name}.{part}", d, d)

    w["model.shared.weight"] = normal(c["vocab_size"], d, std=0.09)
    w["model.shared.weight"][PAD] = 0
    for stack in ("encoder", "decoder"):
        for i in range(c[f"{stack}_layers"]):
            p = f"model.{stack}.layers.{i}"
            attention(p + ".self_attn")
            norm(p + ".self_attn_layer_norm")
            if stack == "decoder":
                attention(p + ".encoder_attn")
                norm(p + ".encoder_attn_layer_norm")
            linear(p + ".fc1", d, c[f"{stack}_ffn_dim"])
            linear(p + ".fc2", c[f"{stack}_ffn_dim"], d)
            norm(p + ".final_layer_norm")
    w["final_logits_bias"] = normal(1, c["vocab_size"], std=0.1)
    return w


def positions(n, d):
    """Position p, frequency f_i = 10000^(-2i/d): sin(p f_0), sin(p f_1), … and behind them cos(p f_0), cos(p f_1), …"""
    angle = torch.arange(n, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    return torch.cat([angle.sin(), angle.cos()[:, : d // 2]], 1)


class Marian:
    def __init__(self, w):
        self.w, self.c = w, CONFIG

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w[name + ".bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], 1e-5)

    def embed(self, ids):
        d = self.c["d_model"]
        return F.embedding(torch.tensor(ids), self.w["model.shared.weight"]) * math.sqrt(d) + positions(len(ids), d)

    def attend(self, x, memory, name, heads, causal):
        split = lambda y: y.view(y.shape[0], heads, -1).transpose(0, 1)
        q, k, v = (split(self.linear(y, f"{name}.{n}_proj")) for y, n in ((x, "q"), (memory, "k"), (memory, "v")))
        scores = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5
        if causal:
            scores = scores.masked_fill(torch.ones(scores.shape[1:], dtype=torch.bool).triu(1), -math.inf)
        weights = scores.softmax(-1)
        return self.linear((weights @ v).transpose(0, 1).reshape(x.shape), name + ".out_proj"), weights

    def feed_forward(self, x, p):
        return self.norm(x + self.linear(F.silu(self.linear(x, p + ".fc1")), p + ".fc2"), p + ".final_layer_norm")

    def encode(self, ids, out):
        x = self.embed(ids)
        for i in range(self.c["encoder_layers"]):
            out[f"encoder_hidden_states.{i}"] = x
            p = f"model.encoder.layers.{i}"
            y, out[f"encoder_attentions.{i}"] = self.attend(x, x, p + ".self_attn", self.c["encoder_attention_heads"], False)
            x = self.feed_forward(self.norm(x + y, p + ".self_attn_layer_norm"), p)
        out[f"encoder_hidden_states.{self.c['encoder_layers']}"] = x
        return x

    def decode(self, ids, memory, out):
        x, heads = self.embed(ids), self.c["decoder_attention_heads"]
        for i in range(self.c["decoder_layers"]):
            out[f"decoder_hidden_states.{i}"] = x
            p = f"model.decoder.layers.{i}"
            y, out[f"decoder_attentions.{i}"] = self.attend(x, x, p + ".self_attn", heads, True)
            x = self.norm(x + y, p + ".self_attn_layer_norm")
            y, out[f"cross_attentions.{i}"] = self.attend(x, memory, p + ".encoder_attn", heads, False)
            x = self.feed_forward(self.norm(x + y, p + ".encoder_attn_layer_norm"), p)
        out[f"decoder_hidden_states.{self.c['decoder_layers']}"] = x
        out["logits"] = F.linear(x, self.w["model.shared.weight"]) + self.w["final_logits_bias"]
        return out["logits"]

    def translate(self, ids, most):
        """Greedy, from decoder_start_token_id on, without the ids of bad_words_ids, until the end token."""
        memory, made = self.encode(ids, {}), [self.c["decoder_start_token_id"]]
        while len(made) <= most:
            row = self.decode(made, memory, {})[-1].clone()
            for word in self.c["bad_words_ids"]:
                row[word] = -math.inf
            made.append(int(row.argmax()))
            if made[-1] == self.c["eos_token_id"]:
                break
        return made


def write_safetensors(path, w):
    header, blobs, at = {}, [], 0
    for name, x in w.items():
        blob = x.float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    os.makedirs(HERE, exist_ok=True)
    g = torch.Generator().manual_seed(4591)
    w = tensors(g)
    m = Marian(w)
    with open(os.path.join(HERE, "tokens.json")) as f:
        source = json.load(f)["source"][0][1]
    target = [PAD] + [int(i) for i in torch.randint(1, PAD, (6,), generator=g)]
    # Padding would be the answer if bad_words_ids did not forbid it; the end token becomes likely enough to be the answer after a few others.
    w["final_logits_bias"][0, PAD] = 3
    for step in range(200):
        w["final_logits_bias"][0, 0] = round(0.02 * step, 2)
        made = m.translate(source, 16)
        if made[-1] == 0:
            break
    w = {name: x.float().double() for name, x in w.items()}
    m = Marian(w)
    out = {}
    m.decode(target, m.encode(source, out), out)
    # What files have besides, and no pass reads: the shared embedding under another name, and the table of positions.
    copies = {"lm_head.weight": w["model.shared.weight"],
              "model.encoder.embed_positions.weight": positions(CONFIG["max_position_embeddings"], CONFIG["d_model"])}
    write_safetensors(os.path.join(HERE, "model.safetensors"), {**w, **copies})
    write_safetensors(os.path.join(HERE, "expected.safetensors"), out)
    with open(os.path.join(HERE, "config.json"), "w") as f:
        json.dump(CONFIG, f, indent=2, sort_keys=True)
        f.write("\n")
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        json.dump({"tokens": source, "target": target, "translation": m.translate(source, 16)}, f)
        f.write("\n")


main()
