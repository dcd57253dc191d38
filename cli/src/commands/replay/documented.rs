//! The options and the pages about them are the same.

use crate::args::Cli;
use crate::java_options;
use clap::{Command, CommandFactory};
use std::collections::BTreeSet;
use std::path::Path;

/// The pages about a replay, and what they are about: of one, the part behind a heading.
const PAGES: [(&str, &str); 4] = [
    ("replay.md", ""),
    ("replay-transforms.md", ""),
    ("replay-report.md", ""),
    ("operations.md", "\n## Replay\n"),
];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// `ferry replay`, and the commands below it.
fn commands() -> Vec<Command> {
    let mut ferry = Cli::command();
    ferry.build();
    let replay = ferry.find_subcommand("replay").unwrap();
    let below = replay.get_subcommands().filter(|command| command.get_name() != "help");
    below.chain([replay]).cloned().collect()
}

/// The options in a text: what stands behind `--` in a piece of code.
fn options_in(text: &str) -> BTreeSet<String> {
    let code = text.split('`').skip(1).step_by(2).chain(text.lines().filter(|line| line.contains("ferry ")));
    let words = code.flat_map(|code| code.split(|letter: char| " =,[]|\n".contains(letter)));
    let names = words.filter_map(|word| word.strip_prefix("--"));
    let is_name = |name: &&str| {
        name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && name.chars().all(|letter| letter == '-' || letter.is_ascii_alphanumeric())
    };
    names.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn defect_18_every_option_of_a_replay_is_in_the_pages_about_it() {
    let text: String =
        [page("replay.md"), page("replay-report.md"), page("operations.md"), page("metrics.md")].concat();
    let described = options_in(&text);
    for command in commands() {
        let options = command.get_arguments().filter(|option| !option.is_hide_set());
        for option in
            options.filter_map(|option| option.get_long()).filter(|name| !matches!(*name, "help" | "version"))
        {
            assert!(
                described.contains(option),
                "`--{option}` of `{}` is in no page: describe it in docs/operations.md",
                command.get_name()
            );
        }
    }
}

#[test]
fn defect_18_every_option_that_the_pages_name_is_one() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for command in commands() {
        for option in command.get_arguments() {
            let names = option.get_all_aliases().unwrap_or_default().into_iter().chain(option.get_long());
            known.extend(names.map(str::to_owned));
        }
    }
    for (name, heading) in PAGES {
        let text = page(name);
        let part = text.find(heading).and_then(|start| text.get(start..)).unwrap();
        for option in options_in(part) {
            assert!(
                known.contains(&option) || java_options::is_known(&option),
                "docs/{name} names `--{option}`, which there is not"
            );
        }
    }
}
