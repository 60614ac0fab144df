// `completion`: the script that a shell sources. The scripts hand over the words of the line as they stand
// there, unexpanded, and take the answer as text: nothing that was typed, and nothing that a master says, is
// ever evaluated. (So no `compgen -W` and no `eval`: both expand what they are given.)

import { PhError } from '../../src/errors.ts'
import { type Shell, shells } from '../complete.ts'
import { type Context, OK } from './context.ts'

export async function completion(ctx: Context): Promise<number> {
  const [shell = ''] = ctx.args
  if (!Object.hasOwn(scripts, shell)) {
    throw new PhError('PH_USAGE', `cannot complete in "${shell}": wanted one of ${shells.join(', ')}`)
  }
  const script = scripts[shell as Shell]
  ctx.out.result({ shell, script }, () => script)
  return OK
}

// The first word that phctl prints may be `:files`: then the shell completes file names itself.
const scripts: Readonly<Record<Shell, string>> = {
  bash: `# completion of phctl for bash; in ~/.bashrc: source <(phctl completion bash)
_phctl() {
  local IFS=$' \\t\\n'
  local -a found
  mapfile -t found < <(command phctl complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ \${found[0]} == :files ]]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
  else
    COMPREPLY=("\${found[@]}")
    [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -F _phctl phctl`,
  zsh: `#compdef phctl
# completion of phctl for zsh; in ~/.zshrc, after compinit: source <(phctl completion zsh)
_phctl() {
  local line
  local -a found names texts
  found=("\${(@f)$(command phctl complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${found[1]} == :files ]]; then
    _files
    return
  fi
  for line in "\${(@)found}"; do
    [[ -n $line ]] || continue
    names+=("\${line%%$'\\t'*}")
    texts+=("\${line/$'\\t'/  -- }")
  done
  (( $#names )) && compadd -l -d texts -a names
}
if [[ \${funcstack[1]} == _phctl ]]; then _phctl "$@"; else compdef _phctl phctl; fi`,
  fish: `# completion of phctl for fish; phctl completion fish > ~/.config/fish/completions/phctl.fish
function __phctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (command phctl complete fish $words[2..-1] 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path (commandline -ct)
    else if test (count $found) -gt 0
        printf '%s\\n' $found
    end
end
complete -c phctl -e
complete -c phctl -f -a '(__phctl_complete)'`,
}
