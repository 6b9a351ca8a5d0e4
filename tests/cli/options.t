# The command line itself: what is taken, what is refused, and with which words.

$ stepformer --help
out Usage: stepformer [COMMAND]
out   generate
out   verify
quiet

$ stepformer -h
out Usage: stepformer [COMMAND]

$ stepformer --version
out stepformer 0.1
out matrix product
quiet

$ stepformer trace --help
out Usage: stepformer trace
out --stage NAME
out text, json, csv, safetensors, markdown, latex or svg
!out --temperature
quiet

# whoever asks for help gets it
$ stepformer trace --bogus --help
exit 2
$ stepformer trace --help --bogus
out Usage: stepformer trace

$ stepformer trase
exit 2
err stepformer: expected a command, found "trase"; nearest: "trace"
$ stepformer "A B C A"
exit 2
err a text is given with -t
$ stepformer ""
exit 2
err found ""

$ stepformer trace --modle hand-wired
exit 2
err stepformer: trace: expected an option, found "--modle"; nearest: "--model"; try 'stepformer trace --help'
lines 0
$ stepformer models -m x
exit 2
err found "-m"
$ stepformer trace -m
exit 2
err --model: expected a value (MODEL), found nothing
$ stepformer trace -m --ids 1
exit 2
err found the option --ids
$ stepformer trace -m a -m b
exit 2
err --model: expected it once, found "a" and "b"
$ stepformer trace -m hand-wired extra
exit 2
err found "extra"
$ stepformer trace -m hand-wired -- -t
exit 2
err found "-t"
$ stepformer trace --help=yes
exit 2
err --help: expected no value
$ stepformer trace -m hand-wired --format xml
exit 2
err --format: expected one of: text json csv safetensors markdown latex svg; found "xml"
$ stepformer trace -m hand-wired --lang de
exit 2
err --lang: expected one of: en zh
$ stepformer trace -m hand-wired --color sometimes
exit 2
err --color

# the same in every spelling
$ stepformer stages -mhand-wired -ano-attention && stepformer stages --model=hand-wired --ablate no-attention && stepformer stages -m hand-wired -a no-attention
lines 15
quiet

# one that the first option asks for is step's
$ stepformer -t "A B" --bogus
exit 2
err stepformer: step: expected an option
