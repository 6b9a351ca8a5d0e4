# lab: the list, descriptions, every format, and what is refused.

$ stepformer lab
line relative            What do RoPE and ALiBi see of a position?
quiet
$ stepformer lab scaling --help
out varies            the dimensions of a head
out does not show
line   d_k=4,16,64,256,1024
quiet
$ stepformer lab --help
out Usage: stepformer lab [OPTION]... [NAME [PARAMETER=VALUE]...]
$ stepformer lab --format json
exit 2
err --format: expected the name of an experiment with it
$ stepformer lab skaling
exit 2
err found "skaling"; nearest: "scaling"
$ stepformer lab scaling d_q=4
exit 2
err found "d_q"; nearest: "d_k"
$ stepformer lab scaling d_k=0
exit 2
err d_k: expected an integer from 1 to 4096, found "0"
$ stepformer lab scaling 4
exit 2
err expected NAME=VALUE, found "4"
$ stepformer lab scaling model=nowhere --small
exit 2
err nowhere: expected a model's name
$ stepformer lab folding d_k=4
exit 2
err found "d_k"

$ stepformer lab scaling --small
out 6/d_k
out sqrt_dk/64
out does not show
quiet
$ stepformer lab scaling --small --format csv | sed -n 1,2p
line # variance
line d_k,variance,variance_std,ratio,kurtosis,kurtosis_theory
$ stepformer lab folding --small -o folding.json && python3 -c 'import json; lab = json.load(open("folding.json")); print(lab["lab"], [t["name"] for t in lab["tables"]], lab["parameters"]["layer"])'
line folding ['heads', 'sizes'] 0
quiet
$ stepformer lab folding --format markdown
out `stepformer lab folding model=random:
out |---:|
$ stepformer lab scaling --small --format svg -o plots.svg && python3 -c 'import xml.etree.ElementTree as e; print(len(e.parse("plots.svg").getroot()))'
line 3
$ LC_ALL=C stepformer lab sinusoid --small | LC_ALL=C grep -c '[^ -~]'
exit 1
line 0
$ stepformer lab scaling --small seeds=1 >a && stepformer lab scaling --small seeds=1 >b && cmp a b
quiet
