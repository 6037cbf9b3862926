//! `gantry-indexer serve` as a process, and what it answers.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// For anything that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Serving {
    pub process: Child,
    pub base: String,
    pub http: reqwest::Client,
}

impl Serving {
    /// Starts it and waits until it is ready. Its log goes to `folder/serve.log`.
    pub async fn start(database_url: &str, folder: &Path, arguments: &[&str]) -> Self {
        let log = std::fs::File::create(folder.join("serve.log")).expect("a log");
        let ready = folder.join("serve.json");
        let mut process = Command::new(env!("CARGO_BIN_EXE_gantry-indexer"))
            .args(["serve", "--exit-with-parent", "--listen", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .args(arguments)
            .env("DATABASE_URL", database_url)
            .stdin(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let appears = async {
            loop {
                match tokio::fs::read_to_string(&ready).await {
                    Ok(text) => return Some(text),
                    // `wait` would close its standard input, which is what tells it to end.
                    Err(_) if process.try_wait().expect("a process of ours").is_some() => return None,
                    // Looked for again and again: a file tells nobody that it is there.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let text = tokio::time::timeout(PATIENCE, appears).await.ok().flatten();
        let text = text.unwrap_or_else(|| {
            panic!(
                "it is never ready:\n{}",
                std::fs::read_to_string(folder.join("serve.log")).unwrap_or_default()
            )
        });
        let text: Value = serde_json::from_str(&text).expect("JSON");
        Self {
            process,
            base: text["api_url"].as_str().expect("a URL").to_owned(),
            http: reqwest::Client::new(),
        }
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.http.get(format!("{}{path}", self.base));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.expect("an answer")
    }

    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_str(&response.text().await.expect("text")).expect("JSON")
    }

    /// SIGTERM.
    pub async fn terminate(&self) {
        let pid = self.process.id().expect("it runs").to_string();
        let status = Command::new("kill").arg(pid).status().await.expect("kill");
        assert!(status.success());
    }
}

/// The lines of an answer as they come.
pub struct Lines {
    response: Response,
    text: String,
}

impl Lines {
    pub fn of(response: Response) -> Self {
        let text = String::new();
        Self { response, text }
    }

    /// The next line; none at the end.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                return Some(line);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("in time");
            self.text
                .push_str(std::str::from_utf8(&chunk.expect("a clean end")?).expect("text"));
        }
    }

    /// The lines up to one that begins so, and that one.
    pub async fn until(&mut self, start: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self
                .next()
                .await
                .unwrap_or_else(|| panic!("ended before {start}: {lines:?}"));
            let found = line.starts_with(start);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }
}

/// Every line of the file.
pub async fn lines(file: &Path) -> Vec<String> {
    let file = tokio::fs::File::open(file).await.expect("a file");
    let mut reader = BufReader::new(file).lines();
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().await.expect("text") {
        lines.push(line);
    }
    lines
}
