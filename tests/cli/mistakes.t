# What people really give instead of a model: one line that says what it is, and what to try.

# a clone without Git LFS, in every kind of file
$ cp -r "$TOP/tests/hf/gpt2" m; for f in config.json model.safetensors generation_config.json; do cp -r m $f.d; printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n' >$f.d/$f; stepformer trace -m $f.d --ids 1 2>&1; echo $?; done
line stepformer: config.json.d/config.json: expected JSON, found a Git LFS pointer, not the file itself; try 'git lfs pull'
line stepformer: model.safetensors.d/model.safetensors: expected a safetensors file, found a Git LFS pointer, not the file itself; try 'git lfs pull'
line stepformer: generation_config.json.d/generation_config.json: expected JSON, found a Git LFS pointer, not the file itself; try 'git lfs pull'
line 2
!out expected JSON:
$ printf 'version https://git-lfs.github.com/spec/v1\n' >m.gguf; stepformer trace -m m.gguf --ids 1
exit 2
err m.gguf: expected GGUF, a file that begins with these letters, found a Git LFS pointer, not the file itself; try 'git lfs pull'
$ printf 'version https://git-lfs.github.com/spec/v1\n' >m.gguf; stepformer trace --lang zh -m m.gguf --ids 1
exit 2
err 却是Git LFS 的指针，不是文件本身；试试 'git lfs pull'
$ cp -r "$TOP/tests/hf/marian" m; printf 'version https://git-lfs.github.com/spec/v1\n' >m/target.spm; stepformer generate -m m -t 我
exit 2
err target.spm: expected a SentencePiece model, found a Git LFS pointer

# another program's weights
$ mkdir m; cp "$TOP/tests/hf/llama/config.json" m; printf 'PK\003\004' >m/pytorch_model.bin; printf 'PK' >m/training_args.bin; stepformer trace -m m --ids 1
exit 2
err m: expected model.safetensors or model.safetensors.index.json, found pytorch_model.bin, which is not read; try model.save_pretrained(FOLDER, safe_serialization=True) in Python
$ mkdir m; cp "$TOP/tests/hf/llama/config.json" m; printf x >m/tf_model.h5; stepformer trace -m m --ids 1
exit 2
err found tf_model.h5, which is TensorFlow's
$ mkdir -p m/onnx; cp "$TOP/tests/hf/llama/config.json" m; stepformer trace -m m --ids 1
exit 2
err found the folder onnx, which is ONNX's
$ mkdir m; cp "$TOP/tests/hf/llama/config.json" m; cp "$TOP/tests/hf/llama/model.safetensors" m/adapter_model.safetensors; stepformer trace -m m --ids 1
exit 2
err found adapter_model.safetensors, which is an adapter, not a model
$ cp -r "$TOP/tests/hf/gpt2-sharded" m; rm m/model.safetensors.index.json; stepformer trace -m m --ids 1
exit 2
err found model-00001-of-00007.safetensors, which is a shard, but no index says what is in which; was it downloaded completely?
$ printf 'PK\003\004abc' >pytorch_model.bin; stepformer trace -m pytorch_model.bin --ids 1
exit 2
err found a ZIP archive, as torch.save writes, which is not read; try model.save_pretrained(
$ printf '\010\007' >m.onnx; stepformer trace -m m.onnx --ids 1
exit 2
err m.onnx: expected a model's folder, a GGUF file (*.gguf) or a llama2.c checkpoint (*.bin), found an ONNX file, which is not read
$ printf 'PK\003\004abc' >a.npz; stepformer verify -m hand-wired --against a.npz -t A
exit 2
err a.npz: expected a safetensors file, found a ZIP archive
$ cp "$TOP/tests/gguf/llama-f32.gguf" model.bin; stepformer trace -m model.bin --ids 1,2 --stage output.logits
out # output.logits  [2,

# the wrong place
$ mkdir -p models/tiny; cp "$TOP"/tests/hf/llama/config.json models/tiny; stepformer trace -m models --ids 1
exit 2
err models: expected config.json in this folder, found none; try models/tiny
$ mkdir -p models--me--tiny/snapshots/0123 models--me--tiny/refs; cp "$TOP"/tests/hf/llama/config.json models--me--tiny/snapshots/0123; stepformer trace -m models--me--tiny --ids 1
exit 2
err ; try models--me--tiny/snapshots/0123
$ mkdir m; cp "$TOP"/tests/hf/llama/model.safetensors m; stepformer trace -m m --ids 1
exit 2
err m: expected config.json in this folder, found none, beside model.safetensors; was it downloaded completely?
$ mkdir m; printf PK >m/pytorch_model.bin; stepformer trace -m m --ids 1
exit 2
!err try m/pytorch_model.bin
$ stepformer trace -m openai-community/gpt2 --ids 1
exit 2
err try 'hf download openai-community/gpt2 --local-dir FOLDER', then -m FOLDER
$ mkdir models; stepformer trace -m models/gpt2 --ids 1
exit 2
!err hf download
$ ln -s loop loop; stepformer trace -m loop --ids 1
exit 2
err loop: cannot be opened:
$ cp -r "$TOP/tests/hf/llama" m; rm m/model.safetensors; ln -s ../blobs/0123 m/model.safetensors; stepformer trace -m m --ids 1
exit 2
err m/model.safetensors: expected a file, found a symbolic link to one that is not there; was it downloaded completely?
$ cp -r "$TOP/tests/hf/llama" m; ln -s ../blobs/0123 m/tokenizer.json; stepformer trace -m m --ids 1
exit 2
err m/tokenizer.json: expected a file, found a symbolic link to one that is not there

# editors: a byte order mark is passed over, UTF-16 is named
$ cp -r "$TOP/tests/hf/llama" m; { printf '\357\273\277'; sed 's/$/\r/' "$TOP/tests/hf/llama/config.json"; } >m/config.json; stepformer print -m m --ids 1 d_model
out 32
quiet
$ cp -r "$TOP/tests/hf/llama" m; python3 -c "open('m/config.json', 'wb').write(open('$TOP/tests/hf/llama/config.json').read().encode('utf-16'))"; stepformer print -m m --ids 1 d_model
exit 2
err m/config.json: expected JSON, found UTF-16; try to save it as UTF-8
$ cp -r "$TOP/tests/hf/llama" m; sed -i 's/"hidden_size": 32/"hidden_size": 32.0/' m/config.json; stepformer print -m m --ids 1 d_model
exit 2
err hidden_size: expected an integer from 1 to 16777216, found 32.0
$ cp -r "$TOP/tests/hf/llama" m; python3 -c "import json; c = json.load(open('m/config.json')); c['rope_scaling'] = {'rope_type': 'linear', 'factor': 2.0}; json.dump(c, open('m/config.json', 'w'))"; stepformer trace -m m --ids 1 --stage output.logits
err m/config.json: rope_parameters: is not read, because there is rope_scaling too, and they differ

# tokenizers
$ cp -r "$TOP/tests/hf/llama" m; echo '{"model":{"type":"WordLevel","vocab":{"<s>":0,"a":1},"unk_token":"a"}}' >m/tokenizer.json; echo '{"mask_token": {"content": "<s>"}, "model_max_length": 1000000000000000019884624838656}' >m/tokenizer_config.json; stepformer convert -m m -o out; tr -d ' \n' <out/config.json
out "mask":0
!err tokenizer_config.json
$ cp -r "$TOP/tests/hf/llama" m; echo '{"model":{"type":"WordLevel","vocab":{"a":1}}}' >m/tokenizer.json; echo '{' >m/tokenizer_config.json; stepformer trace -m m --ids 1
exit 2
err m/tokenizer_config.json: line
$ cp -r "$TOP/tests/hf/llama" m; printf '\012' >m/tokenizer.model; stepformer trace -m m --ids 1,2 --stage output.logits
out # output.logits  [2, 61]
err m/tokenizer.model: SentencePiece's own file, which is not read: texts are given as ids
$ mkdir m; cp "$TOP/tests/hf/bert/config.json" m; cp "$TOP/tests/data/model/bert.txt" m/vocab.txt; stepformer tokens -m m -t a
out [CLS]
$ cp -r "$TOP/tests/hf/marian" m; rm m/source.spm; stepformer generate -m m -t 我
exit 2
err m/source.spm: cannot be opened:
$ cp -r "$TOP/tests/hf/marian" m; rm m/vocab.json; stepformer generate -m m -t 我
exit 2
err m/vocab.json: cannot be opened:
$ mkdir m; echo '{"a":0,"b":1,"ab":2,"aba":3}' >m/vocab.json; echo 'a b' >m/merges.txt; stepformer tokens --tokenizer m -t ab
err m/merges.txt: makes no token of 1 that m/vocab.json has, "aba": is it cut off, or another model's?
err 254 of the 256 bytes have no token
$ mkdir m; echo '{"a":0}' >m/vocab.json; : >m/merges.txt; stepformer tokens --tokenizer m -t ab
exit 2
err m/merges.txt: expected lines of UTF-8, found an empty file
$ python3 -c "import json; r = {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': 'aa'}; json.dump({'model': {'type': 'WordLevel', 'vocab': {'a': 0}, 'unk_token': 'a'}, 'normalizer': {'type': 'Sequence', 'normalizers': [r] * 60}}, open('t.json', 'w'))"; ulimit -v 500000; stepformer tokens --tokenizer t.json -t aaaa
exit 2
err text: expected at most 1048640 bytes once the tokenizer's rules had changed it, found more

# where a copy cannot go
$ stepformer convert -m hand-wired -o no/such/place
exit 2
err no/such: expected a folder to write into, found nothing of that name; try 'mkdir -p' first
$ ln -s nowhere out; stepformer convert -m hand-wired -o out
exit 2
err out: expected a new or an empty folder, found a symbolic link to nothing

# nanoGPT's folders
$ cp -r "$TOP/tests/nanogpt/nanogpt-bias" m; printf '{"n_head": 2' >m/config.json; stepformer trace -m m --ids 1
exit 2
err m/config.json: line 1
!err expected it, because no tensor's shape tells it
$ cp -r "$TOP/tests/nanogpt/nanogpt-bias" m; echo '{}' >m/config.json; stepformer trace -m m --ids 1
exit 2
err m: n_head: expected it, because no tensor's shape tells it, found none; try {"n_head": N} in m/config.json
$ mkdir out-shakespeare; printf 'PK\003\004' >out-shakespeare/ckpt.pt; stepformer trace -m out-shakespeare --ids 1
exit 2
err out-shakespeare: expected config.json and model.safetensors in this folder, found ckpt.pt, which is PyTorch's and not read; try safetensors.torch.save_file in Python
$ cp -r "$TOP/tests/nanogpt/nanogpt-bias" m; mv m/model.safetensors m/ckpt.pt; stepformer trace -m m --ids 1
exit 2
err m: expected model.safetensors, found ckpt.pt

# what is there and not read is said
$ cp -r "$TOP/tests/hf/llama" m; sed -i 's/"tie_word_embeddings": false/"tie_word_embeddings": true/' m/config.json; stepformer trace -m m --ids 1 --stage output.logits
err m/model.safetensors: "lm_head.weight": is not read, because config.json ties the output head to the embedding, though the two are not the same
$ python3 -c "import json, struct; w = lambda n, t, d: open(n, 'wb').write(struct.pack('<Q', len(json.dumps(t))) + json.dumps(t).encode() + d); w('i.safetensors', {'logits': {'dtype': 'I64', 'shape': [1, 2, 61], 'data_offsets': [0, 976]}}, bytes(976)); w('b.safetensors', {'input_ids': {'dtype': 'I64', 'shape': [1, 2], 'data_offsets': [0, 16]}}, struct.pack('<qq', 1, 999))"; stepformer verify -m "$TOP/tests/hf/llama" --against i.safetensors --ids 1,2; stepformer verify -m "$TOP/tests/hf/llama" --against b.safetensors
exit 2
err i.safetensors: logits: expected F32, F64, F16 or BF16, found I64
err b.safetensors: --ids: number 2: expected an id from 0 to 60
