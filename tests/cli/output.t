# Pipes, full disks, closed files, locales.

$ stepformer trace -m hand-wired --format csv | head -n 1
line stage,head,row,column,value,row_name,column_name
lines 1
quiet
$ stepformer generate -m hand-wired -n 5 | head -c 1
lines 0
quiet
$ stepformer trace -m hand-wired --format safetensors | head -c 1 | wc -c
line 1
quiet
# also where the signal is ignored
$ (trap '' PIPE; stepformer trace -m hand-wired --format csv | head -n 1)
lines 1
quiet

$ stepformer trace -m hand-wired >/dev/full
exit 2
err stepformer: standard output: cannot be written: No space left on device
$ stepformer generate -m hand-wired >/dev/full
exit 2
err No space left on device
$ stepformer trace -m hand-wired --format safetensors >/dev/full
exit 2
err No space left on device
$ stepformer models >/dev/full
exit 2
err No space left on device
$ stepformer --help >/dev/full
exit 2
err No space left on device
$ stepformer --version >/dev/full
exit 2
err No space left on device
$ stepformer verify >/dev/full
exit 2
err No space left on device
$ stepformer trace -m hand-wired -o /dev/full
exit 2
err stepformer: /dev/full: cannot be written: No space left on device
$ stepformer trace -m hand-wired --format safetensors -o /dev/full
exit 2
err No space left on device
$ stepformer trace -m hand-wired >&-
exit 2
err standard output: cannot be written
# nothing was to be printed: that standard output is closed does not matter, and its number is not the file's
$ stepformer trace -m hand-wired -o t.csv >&- && stepformer trace -m hand-wired --format csv | cmp - t.csv
quiet
$ stepformer trace -m hand-wired -o no/such/folder.json
exit 2
err no/such/folder.json: cannot be written
$ stepformer trace -m hand-wired -o .
exit 2
err cannot be written
# what was there stays when nothing new can be made
$ echo old >t.json; stepformer trace -m hand-wired --ids 99 -o t.json; cat t.json
line old
err --ids

# what is long is written as it is made: it is not held in memory whole, and appears whole or not at all
$ big="-m random:d_model=64,decoder_layers=1,vocab_size=2000 --ids $(python3 -c 'print(",".join(str(i % 2000) for i in range(200)))')"; (ulimit -d 48000; stepformer trace $big -o a.csv) && [ $(wc -c <a.csv) -gt 50000000 ] && ls
line a.csv
lines 1
$ big="-m random:d_model=64,decoder_layers=1,vocab_size=2000 --ids $(python3 -c 'print(",".join(str(i % 2000) for i in range(200)))')"; for s in HUP TERM; do (stepformer trace $big -o a.json & p=$!; while ! ls a.json.* >/dev/null 2>&1 && kill -0 $p; do :; done; kill -$s $p; wait $p; echo $s $?) 2>/dev/null; done; ls
line HUP 129
line TERM 143
lines 2
$ (ulimit -f 1000; trap '' XFSZ; stepformer trace -m random:d_model=64,vocab_size=2000 --ids $(python3 -c 'print(",".join(str(i % 2000) for i in range(100)))') -o a.csv); echo $?; ls
err a.csv: cannot be written: File too large
line 2
lines 1

# arguments and data are UTF-8 whatever the locale
$ LC_ALL=C stepformer tokens -m hand-wired -t 我爱你
exit 2
err found "我爱你"
$ mkdir only; printf '我\n爱\n你\n' >only/vocab.txt; LC_ALL=C stepformer tokens -m only -t 我爱你
line       1        1-2  爱
$ LC_ALL=xx_YY.UTF-8 stepformer ablations
out no-positions
quiet
$ LC_NUMERIC=de_DE.UTF-8 stepformer trace -m hand-wired -t "A B C A" --stage output.probs
out 0.997951
$ stepformer ablations --lang zh
out no-positions
quiet
# a name that promises a file of another kind is refused, not filled with text; --format insists
$ for f in slide.png a.b.pdf; do stepformer frame -m hand-wired -o $f; done; stepformer trace -m hand-wired -o t.html; ls
exit 0
lines 0
err stepformer: --output: expected a file for one of: text ansi svg html; found "slide.png"; a browser or rsvg-convert makes other pictures out of svg
err found "a.b.pdf"
err stepformer: --output: expected a file for one of: text json csv safetensors markdown latex svg; found "t.html"
$ stepformer frame -m hand-wired --format svg -o slide.png && stepformer frame -m hand-wired -o s.screen && head -c 4 slide.png && head -n 1 s.screen
out <svg
out hand-wired
quiet
