#!/usr/bin/env python3
"""Writes what a model computes elsewhere into a file that `stepformer verify --against` compares with.

    against.py FOLDER "some text" out.safetensors           hidden states, attentions and logits, by transformers
    against.py --lens NAME "some text" out.safetensors      every hook of TransformerLens's cache
    stepformer verify -m FOLDER --against out.safetensors

The ids that the text was cut into go into the file, so that nothing has to be given twice; "ids:464,3290" in place of a text are ids as they
are, for a folder without a tokenizer. TransformerLens puts a begin token in front and fetches the model that it knows by NAME: FOLDER must
hold the same weights. float32 on the CPU; attention is the plain implementation ("eager"), the only one that returns its weights.
Needs torch, safetensors, and transformers or transformer_lens. Your own model: save a dict of tensors with these names, or ours
(`stepformer stages -m FOLDER`), as save_file does at the end.
"""
import sys

import torch
from safetensors.torch import save_file


def given_ids(text):
    return torch.tensor([[int(i) for i in text[4:].split(",")]]) if text.startswith("ids:") else None


def of_transformers(folder, text):
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoTokenizer

    config = AutoConfig.from_pretrained(folder)
    kind = (config.architectures or [""])[0]
    auto = AutoModelForMaskedLM if "MaskedLM" in kind else AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = auto.from_pretrained(folder, attn_implementation="eager").float().eval()
    ids = given_ids(text)
    given = dict(AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")) if ids is None else {"input_ids": ids}
    tensors = {"input_ids": given["input_ids"]}
    if config.is_encoder_decoder:
        given["decoder_input_ids"] = tensors["decoder_input_ids"] = torch.tensor([[config.decoder_start_token_id]])
    with torch.no_grad():
        out = model(**given, output_attentions=True, output_hidden_states=True)
    for name in ("hidden_states", "attentions", "encoder_hidden_states", "decoder_hidden_states", "encoder_attentions",
                 "decoder_attentions", "cross_attentions"):
        for i, value in enumerate(getattr(out, name, None) or ()):
            tensors[f"{name}.{i}"] = value
    tensors["logits"] = out.logits
    return tensors


def open_lens(name):
    """No processing: from_pretrained folds norms and biases into other weights, which is another network with the same output."""
    import transformer_lens

    if hasattr(transformer_lens, "HookedTransformer"):
        return transformer_lens.HookedTransformer.from_pretrained_no_processing(name, device="cpu")
    from transformer_lens.model_bridge import TransformerBridge

    return TransformerBridge.boot_transformers(name, device="cpu")


def of_lens(name, text):
    model = open_lens(name)
    ids = given_ids(text)
    ids = model.to_tokens(text) if ids is None else ids
    with torch.no_grad():
        logits, cache = model.run_with_cache(ids)
    return {**{hook: value for hook, value in cache.items() if torch.is_tensor(value)}, "input_ids": ids, "logits": logits}


def main():
    args = sys.argv[1:]
    lens = args[:1] == ["--lens"]
    args = args[lens:]
    if len(args) != 3:
        sys.exit(__doc__)
    model, text, path = args
    tensors = of_lens(model, text) if lens else of_transformers(model, text)
    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, path)
    print(f"{path}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
