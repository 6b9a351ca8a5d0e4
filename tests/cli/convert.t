# Other formats opened, and written in our own.

$ stepformer convert -m hand-wired -o copy && stepformer trace -m hand-wired -t "A B C A" --format csv >a && stepformer trace -m copy -t "A B C A" --format csv >b && cmp a b && cat copy/README.md
out config.json, model.safetensors
out vocab.txt, README.md
out # copy
out Converted from hand-wired
quiet
$ stepformer convert -m zh-en.no-positions -o copy && stepformer print -m zh-en.no-positions -t 我爱你 'output.logits[token=0]' >a && stepformer print -m copy -t 我爱你 'output.logits[token=0]' >b && cmp a b
$ stepformer convert -m "$TOP/tests/gguf/llama-q8_0.gguf" -o out/; cat out/README.md
out 19424 numbers, F32
out - weights: Q8_0 (14), F16 (2), F32 (5), now all F32
out 15 matrices were [outputs, inputs]
err 14 of 21 tensors are Q8_0
$ stepformer convert -m "$TOP/tests/gguf/llama-quantised.gguf" -o mixed; cat mixed/README.md; for i in "$TOP/tests/gguf/llama-quantised.gguf" mixed; do stepformer trace -m $i --ids 1,2,3 --format csv; done >both 2>/dev/null; sort both | uniq -u | wc -l
out - weights: Q2_K (1), Q3_K (1), IQ4_XS (1), IQ4_NL (1), Q4_0 (1), Q4_K (2), Q4_1 (1), Q5_0 (1), Q5_K (2), Q5_1 (1), Q6_K (3), Q8_0 (1), F32 (5), now all F32
line 0
err 16 of 21 tensors are Q2_K + Q3_K + IQ4_XS + IQ4_NL + Q4_0 + Q4_K + Q4_1 + Q5_0 + Q5_K + Q5_1 + Q6_K + Q8_0: each weight shown is computed from an integer
$ mkdir full; echo x >full/x; stepformer convert -m hand-wired -o full
exit 2
err full: expected a new or an empty folder, found something in it
$ mkdir empty; stepformer convert -m hand-wired -o empty && ls
line empty
lines 2
$ stepformer convert -m random:d_model=8 -o r >/dev/null && head -n 3 r/README.md
out Converted from random:d_model=8: untrained
$ stepformer convert -m hand-wired
exit 2
err -o: expected a folder's name, found none
$ stepformer convert -m hand-wired -o none/there; ls
err none: expected a folder to write into, found nothing of that name; try 'mkdir -p' first
lines 0
$ stepformer -m "$TOP/tests/gguf/gpt2-f32.gguf" --ids 1,2,3 </dev/null
out GGUF gpt2
quiet
$ stepformer tokens --tokenizer "$TOP/tests/gguf/tokenizer-llama2.gguf" -t "the cat" --format ids
line 1,296,316
quiet
$ head -c 20000 "$TOP/tests/gguf/llama-f32.gguf" >m.gguf; stepformer -m m.gguf --ids 1
exit 2
err is the file cut off?
$ cp "$TOP/tests/nanogpt/nanogpt/model.safetensors" .; stepformer -m model.safetensors --ids 1,2
exit 2
err n_head: expected it, because no tensor's shape tells it, found none; try {"n_head": N} in ./config.json
$ stepformer -m "$TOP/tests/nanogpt/mingpt" --ids 1,2,3 </dev/null
out minGPT
quiet
# a translator has three files
$ m="$TOP/tests/hf/marian"; stepformer convert -m "$m" -o copy && for i in "$m" copy; do stepformer generate -m "$i" -t 我吃了一个苹果。 -n 16; stepformer trace -m "$i" -t 我 --format csv; done >both && head -n $(($(wc -l <both) / 2)) both >a && tail -n +$(($(wc -l <both) / 2 + 1)) both >b && cmp a b && for i in source.spm target.spm vocab.json; do cmp "$m/$i" copy/$i; done
out source.spm, target.spm, vocab.json, README.md
quiet
# a model need not be in memory: 115 MB are copied with 60 MB of it. What is interrupted leaves nothing behind; a full disk neither
$ stepformer convert -m random:kind=decoder,d_model=512,n_heads=4,decoder_layers=1,vocab_size=50000 -o a >made 2>&1; (ulimit -d 60000; stepformer convert -m a -o b >made) && cmp a/model.safetensors b/model.safetensors && ls b && rm -r b; stepformer convert -m a -o b & while [ ! -e b.part-$! ] && kill -0 $! 2>/dev/null; do :; done; kill -TERM $!; wait $!; echo "ended $?"; (ulimit -f 100; stepformer convert -m a -o b); ls
line ended 143
line a
lines 6
err cannot be written: File too large
