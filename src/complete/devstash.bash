# Completions of devstash for bash: `source <(devstash completions bash)`, for good in ~/.bashrc.

_devstash() {
    # bash takes words apart at `:` and `=`; devstash is asked about whole ones, such as `script.py:12`.
    local rest=${COMP_LINE:0:COMP_POINT} words=() last= glued= i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        last=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && last=$rest
        rest=${rest#"$last"}
        if [[ $glued ]]; then
            words[${#words[@]} - 1]+=$last
        else
            words+=("$last")
        fi
        glued=1
        if [[ -z $rest || $rest == [[:space:]]* ]]; then
            glued=
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
    done
    local whole=${words[${#words[@]} - 1]} kept=
    # What stands before the last of these signs is on the line already, and stays there.
    local breaks=${COMP_WORDBREAKS//[^:=]/}
    [[ $breaks && $whole == *[$breaks]* ]] && kept=${whole%"${whole##*[$breaks]}"}
    local IFS=$'\n'
    COMPREPLY=($(
        _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) DEVSTASH_COMPLETE=bash \
            devstash -- "${words[@]}" 2>/dev/null
    ))
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    # A folder, or an option that wants its value, goes on.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace
    fi
}

complete -o bashdefault -o nosort -F _devstash devstash 2>/dev/null || complete -o bashdefault -F _devstash devstash
