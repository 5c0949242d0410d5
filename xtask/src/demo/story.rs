//! What `a` and `b` do, step by step: push, share, follow.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use crate::files::find;
use crate::node::{Author, Lab, Node, field, typed};

/// The stack that is pushed.
pub(crate) const STACK: &str = "penguins";
/// Its files, in the demonstration's data folder.
pub(crate) const FILES: [&str; 2] = ["penguins.csv", "penguins.svg"];

/// Digits of an id that name a dashboard.
const DIGITS: usize = 12;
/// The species, as the names of the plots have them.
const SPECIES: [&str; 3] = ["Adelie", "Chinstrap", "Gentoo"];
/// Stacks with a plot of each species.
const PLOTS: [&str; 2] = ["bills", "mass"];

/// A story that was told: `b` holds what `a` pushed.
pub(crate) struct Story {
    /// Who pushed.
    pub(crate) a: Node,
    /// Who followed.
    pub(crate) b: Node,
    /// Whose keys `a` signs with.
    pub(crate) author: Author,
    /// The stack, as `b` names it.
    pub(crate) reference: String,
    /// The id of the dashboard that `a` made.
    pub(crate) dashboard: String,
    /// The folder with the committed data.
    pub(crate) data: PathBuf,
    /// When it began.
    pub(crate) begun: Instant,
}

impl Story {
    /// Tells it, showing each step.
    ///
    /// # Errors
    /// At the first step that fails.
    pub(crate) fn tell(lab: &Lab, data: &Path) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let [a, b] = lab.nodes(["a", "b"])?;
        heading("a and b are two machines; here, two homes on this one. They know no server.");
        println!("$ alias dsp={}", lab.programs().dsp.display());
        for node in [&a, &b] {
            println!("{}$ export DSP_HOME={}", node.name, node.home.display());
            step(node, node.start_args())?;
        }

        heading("a pushes a table and a plot of it: one frame of the stack `penguins`.");
        let mut push: Vec<OsString> = vec!["push".into(), STACK.into()];
        push.extend(FILES.map(|file| data.join(file).into_os_string()));
        let rest = ["-m", "Palmer penguins, raw table and bills", "--param", "years=2007-2009"];
        push.extend(rest.map(OsString::from));
        step(&a, push)?;

        heading("a pushes plots of each species, and makes a dashboard of all three stacks.");
        for plots in PLOTS {
            step(&a, plots_of(data, plots, "one plot per species"))?;
        }
        let title = "Palmer penguins";
        let made = a.json(["dashboards", "new", title, PLOTS[0], PLOTS[1], STACK])?;
        println!("{}", typed(a.name, &["dashboards", "new", title, PLOTS[0], PLOTS[1], STACK]));
        let dashboard = field(&made["info"], "id")?[..DIGITS].to_owned();
        step(&a, ["dashboards", "show", &dashboard])?;

        heading("a shares. The ticket goes to b by chat, mail or paper.");
        let shared = step(&a, ["share", "--yes"])?;
        let ticket = shared.lines().last().context("`dsp share` printed no ticket")?.trim();

        heading("b follows, and has the same files: every byte checked, every head signed by a.");
        step(&b, ["follow", ticket])?;
        step(&b, ["ls", "--all"])?;
        b.until(&["dashboards", "ls"], |all| {
            all["items"].as_array().is_some_and(|all| all.len() == 1)
        })?;
        step(&b, ["dashboards", "show", &dashboard])?;
        let reference = b.reference(STACK)?;
        let story =
            Story { author: a.author()?, a, b, reference, dashboard, data: data.to_owned(), begun };
        story.get_and_compare(&lab.path().join("out"))?;
        Ok(story)
    }

    /// Shows where to look at both in a browser.
    ///
    /// # Errors
    /// Where a daemon does not answer.
    pub(crate) fn show_addresses(&self) -> anyhow::Result<()> {
        heading("The dashboard in a browser, on both; the widget moves two of its cards:");
        for node in [&self.a, &self.b] {
            step(node, ["open", "--dashboard", &self.dashboard, "--print"])?;
        }
        let again = plots_of(&self.data, PLOTS[0], "the same plots again");
        heading("A push on a moves the card on both:");
        println!("{}", typed(self.a.name, &again));
        Ok(())
    }

    /// Pushes on `a`, and waits until the dashboard of `b` shows it.
    ///
    /// # Errors
    /// Where it does not come.
    pub(crate) fn push_and_see(&self) -> anyhow::Result<()> {
        let mut push = plots_of(&self.data, PLOTS[0], "the same plots again");
        push.extend(["--tag", "again"].map(OsString::from));
        step(&self.a, push)?;
        let shown = self.b.json(["dashboards", "show", &self.dashboard])?;
        let stack = field(&shown["cards"][0]["stack"], "reference")?;
        let pushed = self.a.stack(PLOTS[0])?;
        let head = &pushed["head"]["frame"];
        ensure!(head.is_string(), "a's stack has no head: {pushed}");
        self.b.until(&["show", stack], |frame| frame["id"] == *head)?;
        Ok(())
    }

    /// Writes `b`'s files into `out` and compares them with the committed checksums.
    ///
    /// # Errors
    /// Where a file is missing or differs.
    pub(crate) fn get_and_compare(&self, out: &Path) -> anyhow::Result<()> {
        step(&self.b, [OsStr::new("get"), self.reference.as_ref(), "-o".as_ref(), out.as_ref()])?;
        for (name, expected) in self.checksums()? {
            let path =
                find(out, &name)?.with_context(|| format!("no {name} below {}", out.display()))?;
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let actual = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
            ensure!(actual == expected, "{name}: expected SHA-256 {expected}, got {actual}");
            println!("{actual}  {name}");
        }
        Ok(())
    }

    /// Reads `SHA256SUMS`: a file and its checksum for each of [`FILES`].
    fn checksums(&self) -> anyhow::Result<Vec<(String, String)>> {
        let path = self.data.join("SHA256SUMS");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let sums = text.lines().map(|line| {
            let (sum, name) = line.split_once("  ").context("a line without a file name")?;
            Ok((name.to_owned(), sum.to_owned()))
        });
        let sums = sums.collect::<anyhow::Result<Vec<_>>>()?;
        let names: Vec<_> = sums.iter().map(|(name, _)| name.as_str()).collect();
        ensure!(names == FILES, "{} names {names:?}, not {FILES:?}", path.display());
        Ok(sums)
    }
}

/// Returns the arguments that push a plot of each species.
fn plots_of(data: &Path, stack: &str, message: &str) -> Vec<OsString> {
    let file = |species| data.join("species").join(format!("{stack}-{species}.svg"));
    let mut push: Vec<OsString> = vec!["push".into(), stack.into()];
    push.extend(SPECIES.map(|species| file(species).into_os_string()));
    let each = format!("{stack}-{{species}}.svg");
    push.extend(["--each", &each, "-m", message].map(OsString::from));
    push
}

/// Prints what comes next, and why.
pub(crate) fn heading(text: &str) {
    println!("\n# {text}");
}

/// Runs a step as it is typed, shows what it prints, and returns that.
///
/// # Errors
/// Where the command fails.
pub(crate) fn step<S: AsRef<OsStr>>(
    node: &Node,
    args: impl IntoIterator<Item = S>,
) -> anyhow::Result<String> {
    let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    println!("{}", typed(node.name, &args));
    let output = node.dsp(&args).stderr(Stdio::inherit()).output()?;
    let printed = String::from_utf8(output.stdout)?;
    print!("{printed}");
    ensure!(output.status.success(), "{} ended with {}", typed(node.name, &args), output.status);
    Ok(printed)
}
