//! What a job spec may say.

use super::{ContainerRunner, GpuRequirements, JobSpec, MAX_FILES, NodeRequirements, Runner, SpecError, VERSION};
use crate::{amount, gpu, state};
use gantry_core::requirements::{MAX_COUNTRIES, MAX_GPU_MODELS};
use std::collections::{BTreeMap, BTreeSet};

/// More digits after the point than any token has.
const MOST_DECIMALS: u8 = 19;
const MAX_ARGUMENTS: usize = 256;
const MAX_VARIABLES: usize = 64;
const MAX_TIER: u8 = 3;
const MAX_BPS: u16 = 10_000;
/// Below this, container runtimes refuse.
const LEAST_MEMORY_MIB: u64 = 8;
const LEAST_CPU_MILLIS: u64 = 10;
/// Far beyond any machine, and far from any overflow.
const MOST: u64 = 1 << 24;

/// Whether `path` stays inside the folder that it is relative to, on any system: names between single slashes, none of
/// them `.` or `..`, at most 255 bytes and no control characters or backslashes.
pub fn is_safe_path(path: &str) -> bool {
    path.len() <= 255
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':'))
}

fn refuse<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, SpecError> {
    Err(SpecError::Field {
        field: field.into(),
        problem: problem.into(),
    })
}

fn ensure(met: bool, field: impl Into<String>, problem: impl Into<String>) -> Result<(), SpecError> {
    if met { Ok(()) } else { refuse(field, problem) }
}

impl JobSpec {
    /// Checks everything that can be checked without the network and without reading files.
    ///
    /// # Errors
    /// The first field with a value that cannot be.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.version != VERSION {
            return Err(SpecError::Version(self.version));
        }
        let name = self.name.chars().count();
        let printable = !self.name.chars().any(char::is_control);
        ensure(
            (1..=64).contains(&name) && printable,
            "name",
            "write 1 to 64 printable characters",
        )?;
        match &self.runner {
            Runner::Process(process) => {
                let program = process.command.first().is_some_and(|program| !program.is_empty());
                let usage = "name a program: [\"program\", \"argument\", …]";
                ensure(program, "runner.process.command", usage)?;
                check_command("process", &process.command, &process.env)?;
            }
            Runner::Container(container) => {
                check_command("container", &container.command, &container.env)?;
                self.check_container(container)?;
            }
        }
        self.check_files()?;
        self.requirements.validate()?;
        match amount::parse(&self.max_price_per_hour, MOST_DECIMALS) {
            Err(amount::AmountError::TooLarge(_)) => {}
            Err(error) => return refuse("max_price_per_hour", error.to_string()),
            Ok(0) => return refuse("max_price_per_hour", "must be above zero"),
            Ok(_) => {}
        }
        ensure(
            self.max_duration_seconds > 0,
            "max_duration_seconds",
            "must be at least 1",
        )?;
        ensure(
            self.sla_uptime_bps <= MAX_BPS,
            "sla_uptime_bps",
            "is at most 10000 basis points",
        )?;
        ensure(
            self.start_deadline_seconds > 0,
            "start_deadline_seconds",
            "must be at least 1",
        )?;
        ensure(
            self.proof_timeout_seconds > 0,
            "proof_timeout_seconds",
            "must be at least 1",
        )
    }

    fn check_container(&self, container: &ContainerRunner) -> Result<(), SpecError> {
        let given = self.requirements.gpu.as_ref().map_or(0, |gpu| gpu.count);
        ensure(
            container.gpus <= given,
            "runner.container.gpus",
            format!(
                "asks for {} GPUs, `requirements.gpu.count` for {given}: ask for as many there",
                container.gpus
            ),
        )?;
        let limits = [
            ("memory_mib", container.memory_mib, LEAST_MEMORY_MIB),
            ("cpu_millis", container.cpu_millis.map(u64::from), LEAST_CPU_MILLIS),
            ("pids", container.pids.map(u64::from), 1),
            ("disk_mib", container.disk_mib, 1),
        ];
        for (name, limit, least) in limits {
            ensure(
                limit.is_none_or(|limit| (least..=MOST).contains(&limit)),
                format!("runner.container.{name}"),
                format!("goes from {least} to {MOST}; leave it out for what the node gives at most"),
            )?;
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), SpecError> {
        let many = format!("at most {MAX_FILES} files");
        ensure(self.inputs.len() <= MAX_FILES, "inputs", &*many)?;
        ensure(self.outputs.len() <= MAX_FILES, "outputs", &*many)?;
        let inside = "write a path inside the job's folder: relative, without `..`, `\\` or `:`";
        let mut seen = BTreeSet::new();
        for (i, input) in self.inputs.iter().enumerate() {
            ensure(is_safe_path(&input.path), format!("inputs[{i}].path"), inside)?;
            ensure(seen.insert(&input.path), format!("inputs[{i}].path"), "is there twice")?;
            let named = input.file.is_some() || input.sha256.is_some();
            ensure(
                named,
                format!("inputs[{i}]"),
                "name a `file`, a `sha256` in the blob store, or both",
            )?;
        }
        let mut seen = BTreeSet::new();
        for (i, output) in self.outputs.iter().enumerate() {
            ensure(is_safe_path(output), format!("outputs[{i}]"), inside)?;
            ensure(seen.insert(output), format!("outputs[{i}]"), "is there twice")?;
        }
        Ok(())
    }
}

fn check_command(runner: &str, command: &[String], env: &BTreeMap<String, String>) -> Result<(), SpecError> {
    let field = |name: &str| format!("runner.{runner}.{name}");
    ensure(
        command.len() <= MAX_ARGUMENTS,
        field("command"),
        format!("at most {MAX_ARGUMENTS} arguments"),
    )?;
    let zero = command.iter().any(|argument| argument.contains('\0'));
    ensure(!zero, field("command"), "no argument can hold a zero character")?;
    ensure(
        env.len() <= MAX_VARIABLES,
        field("env"),
        format!("at most {MAX_VARIABLES} variables"),
    )?;
    for (name, value) in env {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let named = !name.is_empty() && name.chars().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit());
        ensure(
            named,
            field(&format!("env.{name}")),
            "names have letters, digits and `_`, and no digit first",
        )?;
        ensure(
            !value.contains('\0'),
            field(&format!("env.{name}")),
            "no value can hold a zero character",
        )?;
    }
    Ok(())
}

impl NodeRequirements {
    fn validate(&self) -> Result<(), SpecError> {
        self.gpu_models()?;
        self.country_codes()?;
        self.flag_bits()?;
        ensure(self.tier <= MAX_TIER, "requirements.tier", "goes from 0 to 3")?;
        ensure(
            self.reputation_bps <= MAX_BPS,
            "requirements.reputation_bps",
            "is at most 10000 basis points",
        )
    }

    pub(super) fn gpu_models(&self) -> Result<[u16; MAX_GPU_MODELS], SpecError> {
        let mut codes = [0; MAX_GPU_MODELS];
        let Some(GpuRequirements { count, models, .. }) = &self.gpu else {
            return Ok(codes);
        };
        ensure(
            *count > 0,
            "requirements.gpu.count",
            "is at least 1; leave `gpu` out for a job without GPUs",
        )?;
        let field = "requirements.gpu.models";
        ensure(
            models.len() <= MAX_GPU_MODELS,
            field,
            format!("at most {MAX_GPU_MODELS} models"),
        )?;
        for (place, name) in codes.iter_mut().zip(models) {
            let Some(model) = gpu::by_name(name) else {
                let known: Vec<_> = gpu::CATALOGUE.iter().map(|model| model.name).collect();
                return refuse(field, format!("`{name}` is unknown; there are {}", known.join(", ")));
            };
            *place = model.code;
        }
        Ok(codes)
    }

    pub(super) fn country_codes(&self) -> Result<[[u8; 2]; MAX_COUNTRIES], SpecError> {
        let field = "requirements.countries";
        ensure(
            self.countries.len() <= MAX_COUNTRIES,
            field,
            format!("at most {MAX_COUNTRIES} countries"),
        )?;
        let mut codes = [[0; 2]; MAX_COUNTRIES];
        for (place, country) in codes.iter_mut().zip(&self.countries) {
            match country.as_bytes() {
                [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                    *place = [*first, *second]
                }
                _ => {
                    return refuse(
                        field,
                        format!("`{country}` is no country code: write two capital letters, as in DE"),
                    );
                }
            }
        }
        Ok(codes)
    }

    pub(super) fn flag_bits(&self) -> Result<u16, SpecError> {
        state::flags_from_names(&self.flags).or_else(|error| refuse("requirements.flags", error.to_string()))
    }
}
