# A Hugging Face folder in every kind of command.

$ stepformer trace -m "$TOP/tests/hf/gpt2-sharded" --ids 1,2,3 --stage output.logits
out # output.logits  [3, 61]
quiet
$ stepformer -m "$TOP/tests/hf/llama-bf16-tied" --ids 1,2,3 </dev/null
out Hugging Face llama
out numbers as BF16
out RoPE
quiet
$ stepformer generate -m "$TOP/tests/hf/mistral-window" --ids 1,2,3 -n 4 --format ids
quiet
$ stepformer compare -m "$TOP/tests/hf/gpt2" --ids 5,6,7,8 -a no-positions
out first stage that differs: decoder.embed.positions
quiet
$ stepformer grad -m "$TOP/tests/hf/qwen2" --ids 5,6,7,8 --stage decoder.1.self.q
err loss
$ stepformer print -m "$TOP/tests/hf/llama-yarn" --ids 5,6,7,8 'shape(decoder.1.self.W_K)' 'rope_scaling'
out yarn
quiet
$ stepformer -m "$TOP/tests/hf/gpt2" -t hello </dev/null
exit 2
err has no vocabulary; give numbers with --ids
$ stepformer trace -m "$TOP/tests/hf/gpt2" --ids 61
exit 2
err from 0 to 60
$ cp -r "$TOP/tests/hf/llama" m; sed -i 's/"use_cache"/"logit_cap"/' m/config.json; echo '{"model":{"type":"WordLevel","vocab":{"a":0}},"later":1}' >m/tokenizer.json; stepformer print -m m --ids 1 'd_model'
out 32
err m/config.json: "logit_cap": not known here: the numbers may differ
err m/tokenizer.json: the field "later" is not known here, and may change the ids
$ cp -r "$TOP/tests/hf/llama" m; sed -i 's/"llama"/"mamba"/' m/config.json; stepformer -m m --ids 1
exit 2
err expected an architecture that is read here, gpt2, llama, mistral, qwen2, qwen3, gpt_neox, bert or marian, found "mamba"
$ stepformer trace -m "$TOP/tests/hf/gpt-neox" --ids 1,2,3 --stage decoder.0.ffn.joined
out # decoder.0.ffn.joined  [3, 32]
quiet
$ stepformer -m "$TOP/tests/hf/gpt-neox-f16" --ids 1,2,3 </dev/null
out attention and FFN in parallel
quiet
$ stepformer generate -m "$TOP/tests/hf/gpt-neox-sequential" --ids 1,2,3 -n 4 --format ids
quiet
$ stepformer trace -m "$TOP/tests/hf/bert" --ids 1,5,2,6,2 --stage output.transform
out # output.transform  [5, 24]
quiet
$ python3 -c "import json; c = json.load(open('$TOP/tests/hf/bert/config.json')); c['hidden_size'] = 25; json.dump(c, open('c.json', 'w'))"; cp -r "$TOP/tests/hf/bert" b; cp c.json b/config.json; stepformer -m b --ids 1
exit 2
err hidden_size: expected a multiple of num_attention_heads (3), found 25

# a translator: from text to text, greedy; its begin token is never written
$ stepformer generate -m "$TOP/tests/hf/marian" -t 我吃了一个苹果。 -n 16 --format ids
line 176,57,141,151,144,57,4,92,57
quiet
$ stepformer tokens -m "$TOP/tests/hf/marian" -t 我吃了一个苹果。
out ▁我
out </s>
$ stepformer verify -m "$TOP/tests/hf/marian" --ids 4,33,5,26,9,2,0 --target-ids 176,17,29,91,27,47,166 --against "$TOP/tests/hf/marian/expected.safetensors"
out 16 tensors compared, 0 beyond 5e-05
$ mkdir m; cp "$TOP"/tests/hf/marian/* m; sed -i 's/"num_beams": 1/"num_beams": 6/' m/config.json; stepformer generate -m m -t 我 -n 1
err num_beams is 6
$ mkdir m; cp "$TOP"/tests/hf/marian/* m; head -c 500 "$TOP/tests/hf/marian/source.spm" >m/source.spm; stepformer generate -m m -t 我 -n 1
exit 2
err source.spm: byte

# The mapped file is cut short by somebody else while it is read.
$ cp -r "$TOP/tests/hf/gpt2" m; { stepformer step -m m --ids $(seq -s, 0 31); echo "status $?" >&2; } | { head -c 100 >/dev/null; truncate -s 4096 m/model.safetensors; cat >/dev/null; }
err m/model.safetensors: expected its
err cut short
err status 2
