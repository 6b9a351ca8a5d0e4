# bash completion for stepformer(1). What can be completed is asked of the program itself: its --help, `models`, `ablations`
# and `stages`, so that there is no second list to keep.

# Runs the program that is being completed; what it says on standard error does not belong on the command line.
_stepformer_ask() {
    LC_ALL=C "$_stepformer_program" "$@" 2>/dev/null </dev/null
}

# The words after an option's argument in a command's help: "--format FORMAT  text, json or csv" gives text json csv.
_stepformer_choices() {
    _stepformer_ask "$1" --help | sed -n "s/^      --$2 [A-Z]*  *//p" | sed 's/,//g; s/ or / /g'
}

# Completes $2, words separated by commas, from the words in $1; one that is there already is not offered again.
_stepformer_list() {
    local done="" last=$2 word words=()
    if [[ $2 == *,* ]]; then
        done=${2%,*},
        last=${2##*,}
    fi
    for word in $1; do
        [[ ,$done == *",$word,"* ]] || words+=("$word")
    done
    mapfile -t COMPREPLY < <(compgen -P "$done" -W "${words[*]}" -- "$last")
}

# Completes the name, folder or file $1 of a lesson.
_stepformer_lessons() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask lesson | sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1/p')" -- "$1"; compgen -f -- "$1")
}

# Completes the value $2 of the long option $1 of the command $3; false where the option takes none.
_stepformer_value() {
    case $1 in
    --model | --with-model)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask models --format names)" -- "$2"; compgen -f -- "$2")
        ;;
    --ablate) _stepformer_list "$(_stepformer_ask ablations --format names)" "$2" ;;
    --stage) _stepformer_list "$(_stepformer_ask stages "${_stepformer_model[@]}")" "$2" ;;
    --format | --color | --lang | --theme)
        mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_choices "$3" "${1#--}")" -- "$2")
        ;;
    --text)
        [[ $3 == train ]] || return 0 # elsewhere it is a text, not a file
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    --bug | --card) mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask hunt --cards | sed -n 's/^-- \([a-z-]*\), .*/\1/p')" -- "$2") ;;
    --answer) mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask stages "${_stepformer_model[@]}")" -- "$2") ;;
    --against)
        [[ $3 == verify ]] || return 0 # elsewhere it is a token
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    --lesson) _stepformer_lessons "$2" ;;
    --names) mapfile -t COMPREPLY < <(compgen -W "own transformer-lens" -- "$2") ;;
    --output | --tokenizer | --edits | --session | --record | --play)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    --target | --with-text | --with-target | --ids | --target-ids | --edit | --targets | --number | --temperature | --top-k | --top-p | --seed | --size | --keys | --difficulty | --delay | --position | --token | --tolerance | --layer | --corrupt | --other | --noise) ;;
    --patch) mapfile -t COMPREPLY < <(compgen -W "stream attention ffn" -- "$2") ;;
    *) return 1 ;;
    esac
}

_stepformer() {
    local _stepformer_program=${COMP_WORDS[0]} _stepformer_model=()
    local command=step cur=${COMP_WORDS[COMP_CWORD]} prev="" i at=$COMP_CWORD
    COMPREPLY=()
    [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} != -* ]] && command=${COMP_WORDS[1]}

    # readline cuts "--format=js" into three words
    if [[ $cur == "=" ]]; then
        cur="" prev=${COMP_WORDS[at - 1]}
    elif [[ ${COMP_WORDS[at - 1]} == "=" ]]; then
        prev=${COMP_WORDS[at - 2]}
    else
        prev=${COMP_WORDS[at - 1]}
    fi
    case $prev in
    -m) prev=--model ;;
    -t) prev=--text ;;
    -a) prev=--ablate ;;
    -o) prev=--output ;;
    -n) prev=--number ;;
    esac

    # the model decides the names of the stages
    for ((i = 1; i + 1 < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -m | --model | -a | --ablate)
            local value=${COMP_WORDS[i + 1]}
            [[ $value == "=" ]] && value=${COMP_WORDS[i + 2]}
            [[ ${COMP_WORDS[i]} == -*m* ]] && _stepformer_model+=(-m "$value") || _stepformer_model+=(-a "$value")
            ;;
        esac
    done

    if [[ $prev == -* ]] && _stepformer_value "$prev" "$cur" "$command"; then
        return
    fi
    if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p')" -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask "$command" --help | sed -n 's/^  \(-[a-z], \|    \)\(--[a-z-]*\).*/\2/p')" -- "$cur")
    elif [[ $command == explain ]]; then
        mapfile -t COMPREPLY < <(compgen -W "lens attribution belt heads reach trace" -- "$cur")
    elif [[ $command == lesson ]]; then
        _stepformer_lessons "$cur"
    elif [[ $command == lab ]]; then
        if [[ $COMP_CWORD -eq 2 ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask lab | sed -n 's/^\([a-z][a-z-]*\) .*/\1/p')" -- "$cur")
        else
            compopt -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask lab "${COMP_WORDS[2]}" --help | sed -n 's/^  \([a-z_]*=\).*/\1/p')" -- "$cur")
        fi
    elif [[ $command == train ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W "$(_stepformer_ask models --format names)" -- "$cur"; compgen -f -- "$cur")
    elif [[ $command == print ]]; then # the name that is being typed, in an expression
        local head=${cur%"${cur##*[!a-zA-Z0-9_.]}"}
        compopt -o nospace 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P "$head" -W "$(_stepformer_ask stages "${_stepformer_model[@]}"; _stepformer_ask print | sed -n 's/^  \([a-z_0-9]*(*\).*/\1/p')" -- "${cur#"$head"}")
    elif [[ $command == hunt ]]; then
        mapfile -t COMPREPLY < <(compgen -W "1 2 3" -- "$cur")
    elif [[ $command == verify ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    fi
}

complete -F _stepformer stepformer
