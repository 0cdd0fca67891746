//! The command line: `report` makes a page of recordings.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cni_output::{errln, finish, out};
use cni_wrapper::About;
use lexopt::{Arg, Parser};

use crate::report::{Recordings, html};

const HELP: &str = "\
Usage: cni-trace report FILE... [-o OUT.html]

Makes one HTML page of recordings: the calls of each container with their delegates, the failed and
the slow calls first, and the input and output of each.

  -o, --output OUT.html   the page, instead of stdout; a new file can only be read by its owner
  -h, --help              print this help
  -V, --version           print the version

FILE is a recording of cni-trace, or - for stdin. The page contains all of it: check it for secrets
before you pass it on. It makes no requests. Damaged lines, and lines in another format, are named
and skipped.

A container runtime calls this program as a CNI plugin, with CNI_COMMAND set.
";

/// How many skipped lines are named on stderr. The page names all of them.
const NAMED: usize = 10;

type Failure = Box<dyn std::error::Error>;

/// The parsed command line.
enum Command {
    Print(String),
    Report { files: Vec<OsString>, output: Option<PathBuf> },
}

/// Runs the command line of this process.
pub(crate) fn run(about: About) -> ExitCode {
    let done = parse(&about, Parser::from_env()).and_then(|command| match command {
        Command::Print(text) => {
            out!("{text}");
            Ok(())
        }
        Command::Report { files, output } => report(&about, &files, output.as_deref()),
    });
    let status = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("{}: {error}", about.name);
            ExitCode::FAILURE
        }
    };
    finish(about.name, status, ExitCode::FAILURE)
}

fn parse(about: &About, mut parser: Parser) -> Result<Command, Failure> {
    let (mut positional, mut output) = (Vec::new(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Print(HELP.to_owned())),
            Arg::Short('V') | Arg::Long("version") => {
                return Ok(Command::Print(format!("{} {}\n", about.name, about.version)));
            }
            Arg::Short('o') | Arg::Long("output") => output = Some(parser.value()?.into()),
            Arg::Value(value) => positional.push(value),
            other => return Err(other.unexpected().into()),
        }
    }
    if positional.first().is_some_and(|command| command != "report") {
        return Err(format!("unknown command {:?}\n\n{HELP}", positional[0]).into());
    }
    let files = positional.split_off(positional.len().min(1));
    if files.is_empty() {
        return Err(format!("no recording is given\n\n{HELP}").into());
    }
    Ok(Command::Report { files, output })
}

fn report(about: &About, files: &[OsString], output: Option<&Path>) -> Result<(), Failure> {
    if output.is_none() && io::stdout().is_terminal() {
        return Err("stdout is a terminal: set the file of the page with -o OUT.html".into());
    }
    let mut recordings = Recordings::default();
    for file in files {
        read(&mut recordings, file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    for note in recordings.notes(NAMED) {
        errln!("{}: {note}", about.name);
    }
    let page = html(about, &recordings);
    let Some(path) = output else {
        out!("{page}");
        return Ok(());
    };
    write(path, files, &page).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn read(recordings: &mut Recordings, file: &OsString) -> io::Result<()> {
    if file == "-" {
        return recordings.read("stdin", io::stdin().lock());
    }
    let name = Path::new(file).display().to_string();
    recordings.read(&name, io::BufReader::new(File::open(file)?))
}

/// Writes the page. It must not replace a recording.
fn write(path: &Path, files: &[OsString], page: &str) -> io::Result<()> {
    let id = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    if let Some(own) = id(path)
        && files.iter().any(|file| id(Path::new(file)) == Some(own))
    {
        return Err(io::Error::other("this is one of the recordings; choose another file"));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(page.as_bytes())
}
