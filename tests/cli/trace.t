# trace, grad and stages.

$ stepformer trace -m hand-wired -t "A B C A" --stage output.probs
line # output.probs  [5, 7]  token, vocab
out 0.997951
lines 7
quiet
$ stepformer trace -m hand-wired --stage blocks.0.attn.hook_pattern --stage output.probs -t "A B"
line # decoder.0.self.weights  [1, 3, 3]  head, query, key
line # head 0
line # output.probs  [3, 7]  token, vocab
$ stepformer trace -m hand-wired --stage decoder.0.self.wieghts
exit 2
err found "decoder.0.self.wieghts"; nearest: "decoder.0.self.weights"
lines 0
$ stepformer trace -m hand-wired -a no-attention --stage decoder.0.self.weights
exit 2
err --stage: expected a stage of this pass

# a masked score in each format
$ stepformer trace -m hand-wired -t "A B" --stage decoder.0.self.masked --format csv
line stage,head,row,column,value,row_name,column_name
line decoder.0.self.masked,0,0,1,-inf,<s>,A
lines 10
$ stepformer trace -m hand-wired -t "A B" --stage decoder.0.self.masked --format json
out "-inf"
out "shape": [1, 3, 3], "axes": ["head", "query", "key"]
$ stepformer trace -m hand-wired -t "A B" --format csv
out decoder.embed.tokens,,0,6,1.0,<s>,
out decoder.embed.tokens,,0,0,0.0,<s>,

$ stepformer trace -m hand-wired -t "A B" --stage decoder.0.self.masked --format markdown
line hand-wired: &lt;s> A B
line ### decoder.0.self.masked, head 0, 3×3: query by key
line | A | 10.0000 | 0.0000 | −∞ |
quiet
$ stepformer trace -m hand-wired -t "A B" --stage decoder.0.self.masked -o t.tex && cat t.tex
line % hand-wired: <s> A B
line % decoder.0.self.masked, head 0, 3×3: query by key
line A & $10.0000$ & $0.0000$ & $-\infty$ \\
$ stepformer trace -m hand-wired -t "A B" --stage decoder.0.self.masked -o t.md && sed -n 3p t.md && stepformer trace -m hand-wired --stage output.probs -o t.svg && head -c 4 t.svg
out ### decoder
out <svg
$ stepformer trace -m hand-wired -t "A B" --stage output.logits -a no-positions --edit decoder.0.self.heads=zero -o t.md && head -n 1 t.md
line hand-wired: &lt;s> A B; no-positions; edit decoder.0.self.heads=zero
$ stepformer trace -m hand-wired -t "A B" --stage output.logits --edit decoder.0.self.heads=zero --format json
out "edits": ["decoder.0.self.heads=zero"],
$ stepformer trace -m hand-wired -t "A B" --stage output.logits --edit decoder.0.self.heads=zero | head -n 1
line # edit decoder.0.self.heads=zero
$ stepformer trace -m random:d_ff=300000 --format svg
exit 2
err svg: expected at most 250000 cells
lines 0
$ stepformer grad -m hand-wired -t "A B C A" --stage decoder.0.self.scores,output.W_U --format csv | cut -d, -f1 | sort -u
line decoder.0.self.scores
line output.W_U
lines 3
$ stepformer grad -m hand-wired -t "A B C A" --stage blocks.0.attn.hook_pattern | head -n 2
line # d(loss)/d(decoder.0.self.weights)
$ stepformer grad -m hand-wired -t "A B C A" --stage output.W_V
exit 2
err --stage: expected a stage of this pass or a weight of the model, found "output.W_V"; nearest: "output.W_U"
lines 0
$ stepformer grad -m hand-wired -t "A B C A" --format markdown
out ### d(loss)/d(decoder.embed.W\_E)

# all stages, in the plan's order
$ stepformer stages -m hand-wired >names && stepformer trace -m hand-wired | sed -n 's/^# \([a-z_.0-9]*\)  \[.*/\1/p' | diff names - && wc -l <names
line 27
$ stepformer stages -m random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1 | tail -n 1
line output.probs
$ stepformer stages -m hand-wired -a no-attention,no-ffn
lines 5
quiet
$ stepformer stages -m hand-wired -t Q
exit 2
err found "Q"
$ stepformer stages -m random:kind=encoder-decoder --target-ids 99
exit 2
err --target-ids: number 1

# the format follows the file's name; the file is the same as what would be printed
$ stepformer trace -m hand-wired -o t.csv && stepformer trace -m hand-wired --format csv | cmp - t.csv && stepformer trace -m hand-wired -o t.json && head -c 1 t.json
out {
quiet
$ stepformer trace -m hand-wired --format safetensors >a && stepformer trace -m hand-wired -o b.safetensors && cmp a b.safetensors
quiet
$ stepformer trace -m hand-wired -o - --stage output.probs
lines 7

# gradients
$ stepformer grad -m hand-wired -t "A B C A" --format csv
err stepformer: loss 
out decoder.embed.W_E,,0,0,
out output.W_U,,
out decoder.0.self.scores,0,
$ stepformer grad -m hand-wired -t "A B C A" --edit "decoder.0.self.weights[0,1,0]=nan" >/dev/null
err loss nan nats
$ stepformer grad -m hand-wired -t "A B C A" --targets=-1,-1,-1,-1,1 >/dev/null
err stepformer: loss 0.00205
$ stepformer grad -m hand-wired -t "A B C A" --targets -1,-1,-1,-1,1 --format json
out "loss": 0.00205
out "gradients": [
$ stepformer grad -m hand-wired --targets 1
exit 2
err targets: expected 5 ids, one for each position of the output, found 1
$ stepformer grad -m hand-wired -t A --targets=-1,-1
exit 2
err found only -1
$ stepformer grad -m hand-wired -t A --targets=-2,1
exit 2
err --targets: number 1
$ stepformer grad -m hand-wired -t ""
exit 2
err one token has none that follows it
$ stepformer grad -m random:kind=encoder
exit 2
err --targets: expected one id for each position

# a real model has more numbers than one reads: how many is said, and to a terminal they do not go
$ stepformer grad -m random:kind=decoder,d_model=256,n_heads=4,decoder_layers=1,vocab_size=40000 --ids 1,2,3 -o /dev/null
err 11 million numbers: about 0.13 GB of text; --stage NAME takes one, -o FILE.safetensors 0.043 GB
