# What Tab offers: bash tests/cli/completion.bash PROGRAM. Says what is wrong and fails.
program=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=/dev/null
source "$top/src/cli/stepformer.bash"
bad=0

# expect WORDS OFFERED: the words typed so far, the last of them being completed, and what must be offered, in order.
expect() {
    local typed=$1 offered=$2
    read -ra COMP_WORDS <<<"$typed"
    [[ $typed == *" " ]] && COMP_WORDS+=("")
    COMP_WORDS[0]=$program
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _stepformer
    if [[ ${COMPREPLY[*]} != "$offered" ]]; then
        echo "src/cli/stepformer.bash: '$typed': expected '$offered', found '${COMPREPLY[*]}'"
        bad=1
    fi
}

cd "$(mktemp -d)" || exit 1
trap 'rmdir "$PWD"' EXIT
expect "stepformer t" "trace tokens train"
expect "stepformer train indu" "induction"
expect "stepformer gen" "generate"
expect "stepformer trace --ta" "--target --target-ids"
expect "stepformer generate --to" "--tokenizer --top-k --top-p"
expect "stepformer trace --format " "text json csv safetensors markdown latex svg"
expect "stepformer trace --format = c" "csv"
expect "stepformer models --format " "text names"
expect "stepformer frame --format s" "svg"
expect "stepformer trace -a no-f" "no-ffn"
expect "stepformer trace -a no-ffn,no-n" "no-ffn,no-norm"
expect "stepformer trace --ablate no-ffn,no-f" ""
expect "stepformer trace -m hand-w" "hand-wired"
expect "stepformer trace -m hand-wired -a no-attention,no-ffn --stage " \
    "decoder.embed.tokens decoder.embed.positions decoder.embed.sum output.logits output.probs"
expect "stepformer trace --stage decoder.0.self.w" "decoder.0.self.weights"
expect "stepformer lab per" "permutation"
expect "stepformer lab folding " "model= layer="
expect "stepformer lab scaling --sm" "--small"
expect "stepformer lab scaling --format m" "markdown"
expect "stepformer trace --lang " "en zh"
expect "stepformer --color a" "auto always"
expect "stepformer trace -t " ""
expect "stepformer generate --temperature " ""
expect "stepformer print log1" "log10("
expect "stepformer print -m hand-wired max(abs(decoder.0.self.w" "max(abs(decoder.0.self.weights"
expect "stepformer print 1+n_" "1+n_source"
expect "stepformer generate --c" "--color"
expect "stepformer frame --lesson q2" "q20 q21 q22 q23 q24"
exit $bad
