# A pass beside a file that another program wrote.
$ stepformer trace -m story --names transformer-lens -o cache.safetensors; stepformer verify -m story --against cache.safetensors
out blocks.1.attn.hook_pattern
out 73 tensors compared, 0 beyond
out decoder.1.self.norm, scale
err 13 stages have no hook
$ stepformer trace -m story --names transformer-lens -o cache.safetensors; stepformer verify -m story -a no-scale --against cache.safetensors
exit 1
out FAILED  decoder.0.self.masked
out first that differs: blocks.0.attn.hook_attn_scores: head 
out 3 stages may have made it: decoder.0.self.scores, decoder.0.self.scaled, decoder.0.self.masked
$ stepformer trace -m story -o own.safetensors; stepformer verify -m story --bug other-gelu --against own.safetensors
exit 1
out first that differs: decoder.0.ffn.activate: token 
out what it is computed from agrees; suspect which activation: GELU exactly or by tanh
$ stepformer trace -m story -o own.safetensors; stepformer verify -m story -t "the coat" --against own.safetensors
exit 1
out expected shape [3, 48], found [24, 48]
out tokens: theirs 24, the pass 3; give --ids, or put input_ids into the file
# nobody said what it is of
$ stepformer trace -m story -t "the coat" -o own.safetensors; stepformer verify -m story --against own.safetensors -t "the doll"
exit 1
out first that differs: decoder.embed.tokens
!out does not say what it is of
$ stepformer trace -m hand-wired -t "A B A A" -o own.safetensors; stepformer verify -m hand-wired --against own.safetensors; stepformer trace -m hand-wired -t "A B C B" -o own.safetensors; stepformer verify -m hand-wired --against own.safetensors
exit 1
out the file does not say what it is of
$ stepformer verify -m story --against $TOP/tiny-models/story/model.safetensors
exit 2
err found none of this pass
$ stepformer trace -m story -o own.safetensors; stepformer verify -m story --against own.safetensors --tolerance many
exit 2
err --tolerance: expected a number
$ stepformer verify -m story
exit 2
err --model: expected --against FILE beside it
$ stepformer verify --against x.safetensors
exit 2
err x.safetensors
$ stepformer trace -m zh-en --names transformer-lens -o x.safetensors
exit 2
err expected a decoder with its norms before the sub-layers
$ stepformer trace -m story --names nnsight
exit 2
err --names: expected own or transformer-lens
$ stepformer trace -m story --names transformer-lens --format csv --stage decoder.0.self.weights
out blocks.0.attn.hook_pattern
$ stepformer verify -m "$TOP/tests/hf/llama-bf16-tied" --ids 32,23,10,40,22,46,51,47,44 --against "$TOP/tests/hf/llama-bf16-tied/expected.safetensors"
exit 1
out the weights are of half precision: a program that also computes in it is this far off
$ stepformer verify -m "$TOP/tests/hf/llama-bf16-tied" --ids 32,23,10,40,22,46,51,47,44 --against "$TOP/tests/hf/llama-bf16-tied/expected.safetensors" --tolerance 3e-2
out 0 beyond 3e-02
