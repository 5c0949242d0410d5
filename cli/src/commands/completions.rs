//! `dsp completions`: prints what a shell needs to complete command lines.

use clap::ValueEnum;
use clap_complete::Shell;

use crate::error::Result;
use crate::output::Ui;

/// Print completions for a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp completions bash > ~/.local/share/bash-completion/completions/dsp
  dsp completions zsh > ~/.zfunc/_dsp
  dsp completions fish > ~/.config/fish/completions/dsp.fish")]
pub(crate) struct Args {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Name,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(args: &Args, ui: &Ui, mut command: clap::Command) -> Result<()> {
    let shell = match args.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "dsp", &mut script);
    ui.out(&script)
}
