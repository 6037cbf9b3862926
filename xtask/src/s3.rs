//! The blob store over S3: a server, a bucket, and the test with where they are.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{check, paths, setup, sh};

/// What the server says once it listens, before its address.
const LISTENS: &str = "Running on http://";
/// How long it has to say so.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the test in a target folder of its own: the feature changes what half of the dependencies are compiled with, and
/// would compile them anew for everything else.
pub(crate) fn test() -> Result<()> {
    let server = Server::start()?;
    server.make_bucket("blobs")?;
    let mut test = check::cargo(&paths::root());
    test.args(["test", "--package", "gantry-sdk", "--features", "s3", "--test", "s3"])
        .args(["--target-dir", "target/s3"])
        .env("AWS_ENDPOINT", format!("http://{}", server.address))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "us-east-1")
        // The server takes any.
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    sh::shown(&mut test)
}

/// Moto's server, which ends with this.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut process = Command::new(setup::moto()?)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("moto_server")?;
        let output = process.stderr.take().context("its output")?;
        let mut server = Self {
            process,
            address: String::new(),
        };
        let (says, said) = mpsc::channel();
        // To the end: what it logs must not fill the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once(LISTENS) {
                    // Nobody listens to the second.
                    let _ = says.send(address.trim().to_owned());
                }
            }
        });
        server.address = said
            .recv_timeout(PATIENCE)
            .context("moto_server ended or did not say where it listens: run it by hand")?;
        Ok(server)
    }

    fn make_bucket(&self, name: &str) -> Result<()> {
        let mut connection = TcpStream::connect(&self.address).with_context(|| self.address.clone())?;
        let host = &self.address;
        write!(
            connection,
            "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        match answer.lines().next() {
            Some(status) if status.contains(" 200 ") => Ok(()),
            _ => bail!("the S3 server makes no bucket: {answer}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
