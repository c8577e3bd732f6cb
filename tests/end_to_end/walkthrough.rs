//! `docs/walkthrough.md` is true: its commands are run in their order, and answer what it says they answer.
//!
//! Equal is what differs only in what no two runs share: see [`equal_in_every_run`]. `UPDATE_WALKTHROUGH=1` writes the
//! answers of this run into the document.

use end_to_end::{Service, waiting::PATIENCE};
use regex_lite::Regex;
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/walkthrough.md");
/// Stands between the answers of two commands.
const MARK: &str = "────── the next answer ──────";

/// A piece of the document.
enum Piece {
    /// Words for the reader, and fences.
    Words(String),
    /// Commands.
    Commands(String),
    /// What they answer.
    Answer(String),
}

#[tokio::test]
async fn every_command_answers_what_the_walk_through_says() {
    let document = fs::read_to_string(DOCUMENT).expect("the document is there");
    let mut pieces = pieces(&document);
    let answers = run(&commands(&pieces)).await;

    let is_to_be_written = env::var("UPDATE_WALKTHROUGH").is_ok();
    let mut differences = Vec::new();
    let mut at = 0;
    for piece in &mut pieces {
        match piece {
            Piece::Words(_) => {}
            Piece::Commands(_) => at += 1,
            Piece::Answer(said) if is_to_be_written => said.clone_from(&answers[at - 1]),
            Piece::Answer(said) => {
                let (said, is) = (equal_in_every_run(said), equal_in_every_run(&answers[at - 1]));
                if said != is {
                    differences.push(format!("the document says:\n{said}and the answer is:\n{is}"));
                }
            }
        }
    }
    if is_to_be_written {
        fs::write(DOCUMENT, pieces.iter().map(written).collect::<String>()).expect("the document can be written");
    }
    assert!(differences.is_empty(), "UPDATE_WALKTHROUGH=1 writes it anew.\n{}", differences.join("\n"));
}

/// A text without what no two runs share: ids, accounts, times.
fn equal_in_every_run(text: &str) -> String {
    let same = [
        (r"\b(env|op|evt)-[0-9a-hjkmnp-tv-z]{26}", "$1-…"),
        (r"\b(vpc|subnet|nat|igw|rtb|sg|eipalloc)-[0-9a-f]+", "$1-…"),
        (r"\b\d{12}\b", "the account"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "a time"),
    ];
    same.into_iter().fold(text.to_owned(), |text, (pattern, word)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, word).into_owned()
    })
}

/// Runs all commands in one shell. The answer of each.
async fn run(commands: &[&str]) -> Vec<String> {
    let service = Service::under_test();
    let directory = env::temp_dir().join(format!("walkthrough-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory to walk in");
    let script = commands.join(&format!("\necho '{MARK}'\n"));
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/venv/bin");
    let path = format!("{}:{}", tools.display(), env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("timeout");
    shell.arg(PATIENCE.as_secs().to_string()).args(["bash", "-euo", "pipefail", "-c", &script]);
    shell.current_dir(&directory).stdin(Stdio::null());
    shell.env("PATH", path).env("API", &service.api_url).env("AWS_REGION", &service.region);
    shell.env("AWS_DEFAULT_REGION", &service.region).env("AWS_ENDPOINT_URL", &service.aws_endpoint);
    shell.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("NO_PROXY", "*");
    let said = tokio::task::spawn_blocking(move || shell.output()).await.expect("nobody panics");
    let said = said.expect("timeout and bash are there");
    let (answers, errors) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let now = fs::read_to_string(directory.join("now.json")).unwrap_or_default();
    assert!(
        said.status.success(),
        "{answers}\n{errors}\nIt needs bash, curl, jq and aws. The environment last seen: {now}"
    );
    fs::remove_dir_all(&directory).expect("the directory can be removed");
    answers.split(&format!("{MARK}\n")).map(str::to_owned).collect()
}

fn commands(pieces: &[Piece]) -> Vec<&str> {
    let commands = pieces.iter().filter_map(|piece| match piece {
        Piece::Commands(commands) => Some(commands.as_str()),
        _ => None,
    });
    commands.collect()
}

/// The document in pieces: what is fenced as `sh` is a command, what is fenced as `json` or `text` is its answer.
fn pieces(document: &str) -> Vec<Piece> {
    let mut pieces = vec![Piece::Words(String::new())];
    for line in document.split_inclusive('\n') {
        let last = pieces.last_mut().expect("there is a first piece");
        match (last, line.trim_end()) {
            (Piece::Words(words), "```sh") => {
                words.push_str(line);
                pieces.push(Piece::Commands(String::new()));
            }
            (Piece::Words(words), "```json" | "```text") => {
                words.push_str(line);
                pieces.push(Piece::Answer(String::new()));
            }
            (Piece::Words(text), _) => text.push_str(line),
            (_, "```") => pieces.push(Piece::Words(line.to_owned())),
            (Piece::Commands(text) | Piece::Answer(text), _) => text.push_str(line),
        }
    }
    pieces
}

fn written(piece: &Piece) -> &str {
    match piece {
        Piece::Words(text) | Piece::Commands(text) | Piece::Answer(text) => text,
    }
}
