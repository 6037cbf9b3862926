//! What the node daemon sees of this machine, where it is installed.

use super::{Check, ok, warning};
use serde_json::Value;
use std::{path::PathBuf, process::Command};

const GIB: u64 = 1 << 30;

/// The machine, its GPUs, and what runs jobs on it.
pub(super) fn host(checks: &mut Vec<Check>) {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|us| Some(us.parent()?.join("gantry-node")));
    let program = beside
        .filter(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from("gantry-node"));
    let todo = "providers: see docs/troubleshooting.md; customers need nothing of it";
    match Command::new(&program).args(["detect", "--json"]).output() {
        Err(_) => checks.push(ok("node", "gantry-node is not installed: only providers need it")),
        Ok(output) if output.status.success() => match serde_json::from_slice(&output.stdout) {
            Ok(seen) => checks.extend(described(&seen)),
            Err(error) => checks.push(warning(
                "node",
                format!("{} detect says what does not read: {error}", program.display()),
                "install gantry and gantry-node of one version",
            )),
        },
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            checks.push(warning("node", format!("gantry-node detect: {}", said.trim()), todo));
        }
    }
}

/// What `gantry-node detect --json` says, for people.
fn described(seen: &Value) -> Vec<Check> {
    let device = &seen["device"];
    let name = device["name"].as_str().unwrap_or("an unknown machine");
    let (ram, disk) = (&device["ram_gib"], &device["disk_gib"]);
    let machine = ok("node", format!("{name}; {ram} GiB of memory, {disk} GiB of free disk"));
    vec![machine.with(device.clone()), gpus(seen), runners(&seen["runners"])]
}

fn gpus(seen: &Value) -> Check {
    let all = seen["gpus"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = all.iter().map(gpu).collect();
    let check = match seen["problem"].as_str() {
        Some(problem) => warning(
            "GPU",
            [&[problem.to_owned()], lines.as_slice()].concat().join("\n"),
            "providers: `gantry-node detect` says what would be listed",
        ),
        None if lines.is_empty() => ok(
            "GPU",
            "none that NVIDIA's driver tells of: this host can be listed with its CPU",
        ),
        None => ok("GPU", lines.join("\n")),
    };
    check.with(seen["gpus"].clone())
}

/// `NVIDIA H100 80GB HBM3, 80 GiB, ECC on, driver 550.54.15, 31 °C, GPU-5e9d…`
fn gpu(gpu: &Value) -> String {
    let text = |name: &str| gpu[name].as_str().unwrap_or("?").to_owned();
    let mut parts = vec![text("product")];
    if let Some(bytes) = gpu["memory_bytes"].as_u64() {
        parts.push(format!("{} GiB", bytes.saturating_add(GIB / 2) / GIB));
    }
    parts.push(
        match gpu["ecc"].as_bool() {
            Some(true) => "ECC on",
            Some(false) => "ECC off",
            None => "no ECC",
        }
        .to_owned(),
    );
    parts.push(format!("driver {}", text("driver")));
    if let Some(degrees) = gpu["temperature_celsius"].as_u64() {
        parts.push(format!("{degrees} °C"));
    }
    parts.push(text("uuid"));
    parts.join(", ")
}

fn runners(runners: &Value) -> Check {
    let container = &runners["container"];
    let mut lines = vec![match container["runtime"].as_str() {
        Some(runtime) => format!("containers: {runtime}"),
        None => "containers: no Docker or Podman answers on the usual sockets".to_owned(),
    }];
    let reasons = container["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines.extend(reasons.iter().filter_map(|reason| reason.as_str().map(str::to_owned)));
    lines.push(match runners["process"]["landlock"].as_str() {
        Some(what) => format!("programs: confined by Landlock ({what})"),
        None => "programs: no Landlock here, so they may do what their user may do".to_owned(),
    });
    let found = lines.join("\n");
    let check = if reasons.is_empty() {
        ok("runner", found)
    } else {
        warning(
            "runner",
            found,
            "providers: start the service, or let this user use its socket",
        )
    };
    check.with(runners.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::State;
    use serde_json::json;

    #[test]
    fn what_a_node_sees_is_told_in_words() {
        let seen = json!({
            "device": { "name": "2 × H100", "cpu_cores": 64, "ram_gib": 512, "disk_gib": 900 },
            "gpus": [{
                "uuid": "GPU-5e9d", "product": "NVIDIA H100 80GB HBM3", "memory_bytes": 85_520_809_984u64,
                "driver": "550.54.15", "ecc": true, "temperature_celsius": 31,
            }],
            "problem": null,
            "runners": {
                "process": { "landlock": "files" },
                "container": { "runtime": "Podman 4.3.1, as root", "reasons": [] },
            },
        });
        let checks = described(&seen);
        let found: Vec<&str> = checks.iter().map(|check| &*check.found).collect();
        assert_eq!(
            found,
            [
                "2 × H100; 512 GiB of memory, 900 GiB of free disk",
                "NVIDIA H100 80GB HBM3, 80 GiB, ECC on, driver 550.54.15, 31 °C, GPU-5e9d",
                "containers: Podman 4.3.1, as root\nprograms: confined by Landlock (files)",
            ]
        );
        assert!(checks.iter().all(|check| check.state == State::Ok));
    }

    #[test]
    fn what_cannot_be_listed_or_used_is_a_warning() {
        let seen = json!({
            "device": { "name": "cpu", "ram_gib": 1, "disk_gib": 1 },
            "gpus": [],
            "problem": "the market's catalogue has no `RTX 9`: it cannot be listed yet",
            "runners": { "process": { "landlock": null }, "container": { "runtime": null, "reasons": ["no access"] } },
        });
        let checks = described(&seen);
        assert_eq!(checks[1].state, State::Warning);
        assert!(checks[1].found.contains("RTX 9"), "{checks:?}");
        assert_eq!(checks[2].state, State::Warning);
        assert!(checks[2].found.contains("no access") && checks[2].found.contains("no Landlock"));
        let plain = described(&json!({ "device": {}, "gpus": [], "problem": null, "runners": {} }));
        assert!(plain[1].found.contains("none that NVIDIA's driver tells of"));
        assert!(
            plain
                .iter()
                .all(|check| check.state == State::Ok && !check.found.contains('{'))
        );
    }
}
