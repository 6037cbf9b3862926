//! What a page says to do: its fenced blocks, in order.
//!
//! ```` ```sh ```` is run, a ```` ```text ```` right after it is what its last command prints. A comment right before a
//! block says what the reader need not see: `<!-- exit 4 -->` that its last command ends with that code, `<!-- skip: why -->`
//! that the block is not run.

use anyhow::{Context as _, bail};
use std::{fs, path::Path};

/// A block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Line of its first line of text, from 1.
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) comment: Option<String>,
}

/// A page, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) name: String,
    text: String,
    first_line: usize,
}

/// What is done with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Commands; the last ends with `exit`.
    Run { line: usize, text: String, exit: i32 },
    /// What the last command printed.
    Output { line: usize, text: String },
    /// Not run.
    Skip { line: usize, why: String },
}

impl Page {
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            name,
            text,
            first_line: 1,
        })
    }

    /// The part from the heading `heading` to the next of its level.
    pub(crate) fn section(self, heading: &str) -> anyhow::Result<Self> {
        let level = heading.split(' ').next().unwrap_or_default().to_owned() + " ";
        let lines: Vec<&str> = self.text.lines().collect();
        let start = lines
            .iter()
            .position(|line| *line == heading)
            .with_context(|| format!("{} has no `{heading}`", self.name))?;
        let length = lines[start + 1..].iter().take_while(|line| !line.starts_with(&level));
        let end = start + 1 + length.count();
        Ok(Self {
            text: lines[start..end].join("\n"),
            first_line: self.first_line + start,
            name: self.name,
        })
    }

    /// The texts of the blocks in `language`.
    pub(crate) fn code(&self, language: &str) -> Vec<String> {
        let blocks = self.blocks().into_iter().filter(|block| block.language == language);
        blocks.map(|block| block.text).collect()
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut comment = None;
        for (place, line) in self.text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, Some(language)) => {
                    open = Some(Block {
                        line: self.first_line + place + 1,
                        language: language.trim().to_owned(),
                        text: String::new(),
                        comment: comment.take(),
                    });
                }
                (None, None) => {
                    let inner = line.trim().strip_prefix("<!--").and_then(|l| l.strip_suffix("-->"));
                    comment = inner.map(|inner| inner.trim().to_owned());
                }
            }
        }
        blocks
    }

    /// What to do, in order.
    pub(crate) fn steps(&self) -> anyhow::Result<Vec<Step>> {
        let mut steps: Vec<Step> = Vec::new();
        for block in self.blocks() {
            let Block {
                line, text, comment, ..
            } = block;
            match block.language.as_str() {
                "sh" => steps.push(step(line, text, comment).with_context(|| format!("line {line}"))?),
                "text" if matches!(steps.last(), Some(Step::Run { .. })) => steps.push(Step::Output { line, text }),
                "text" => bail!("line {line}: this output follows no command"),
                "" => bail!("line {line}: say what the block is: sh, text, json, …"),
                _ => {}
            }
        }
        Ok(steps)
    }
}

fn step(line: usize, text: String, comment: Option<String>) -> anyhow::Result<Step> {
    let comment = comment.unwrap_or_default();
    if let Some(why) = comment.strip_prefix("skip:") {
        return Ok(Step::Skip {
            line,
            why: why.trim().to_owned(),
        });
    }
    let exit = match comment.strip_prefix("exit ") {
        Some(code) => code.trim().parse().context("`<!-- exit CODE -->` needs a number")?,
        None => 0,
    };
    Ok(Step::Run { line, text, exit })
}

#[test]
fn a_page_s_blocks_are_found_with_what_is_said_about_them() {
    let page = Page {
        name: "page.md".into(),
        first_line: 10,
        text: "# A\n\n```sh\na\nb\n```\nIt says:\n```text\nx\n```\n<!-- exit 4 -->\n```sh\nc\n```\n<!-- skip: no power -->\n```sh\nd\n```\n\
               ```json\n{}\n```\n"
            .into(),
    };
    let run = |line, text: &str, exit| Step::Run {
        line,
        text: text.into(),
        exit,
    };
    let expected = [
        run(13, "a\nb\n", 0),
        Step::Output {
            line: 18,
            text: "x\n".into(),
        },
        run(22, "c\n", 4),
        Step::Skip {
            line: 26,
            why: "no power".into(),
        },
    ];
    assert_eq!(page.steps().expect("steps"), expected);
    assert_eq!(page.code("json"), ["{}\n"]);
    let odd = |text: &str| {
        let page = Page {
            name: "odd.md".into(),
            first_line: 1,
            text: text.into(),
        };
        page.steps().is_err()
    };
    assert!(odd("```text\nx\n```\n") && odd("```\nx\n```\n") && odd("<!-- exit four -->\n```sh\nx\n```\n"));
}

#[test]
fn a_section_ends_where_the_next_begins() {
    let page = Page {
        name: "p".into(),
        first_line: 1,
        text: "# T\n## A\none\n### B\ntwo\n## C\nthree\n".into(),
    };
    let section = page.clone().section("## A").expect("there");
    assert_eq!(
        (section.text.as_str(), section.first_line),
        ("## A\none\n### B\ntwo", 2)
    );
    assert!(page.section("## D").is_err());
}
