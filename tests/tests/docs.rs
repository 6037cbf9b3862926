//! What the documentation says to type, typed: the quickstarts and the README's "Use it", each against a stack of its own
//! in a clean folder. Every command must succeed (or fail as announced) and print what the page shows.

#[path = "docs/billing.rs"]
mod billing;
#[path = "docs/compare.rs"]
mod compare;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/replay.rs"]
mod replay;
#[path = "docs/shell.rs"]
mod shell;

use anyhow::{Context as _, ensure};
use gantry_tests::market::repository;
use page::Page;
use std::{fs, path::Path};

/// Replays a page and prints how many of its commands ran.
async fn replay(page: Page) -> anyhow::Result<()> {
    let name = page.name.clone();
    let count = replay::replay(&page).await.with_context(|| name.clone())?;
    println!(
        "{name}: {} commands ran, {} outputs compared, {} blocks skipped",
        count.commands, count.outputs, count.skipped
    );
    ensure!(count.commands > 0, "{name} has no commands: nothing was tested");
    Ok(())
}

fn quickstart(name: &str) -> anyhow::Result<Page> {
    Page::read(&repository().join("docs/quickstarts").join(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_s_quickstart() -> anyhow::Result<()> {
    replay(quickstart("provider.md")?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_s_quickstart_in_the_shell() -> anyhow::Result<()> {
    replay(quickstart("customer-shell.md")?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_s_quickstart_in_rust() -> anyhow::Result<()> {
    let page = quickstart("customer-rust.md")?;
    let program = fs::read_to_string(repository().join("sdk/rust/examples/quickstart.rs"))?;
    let shown = page.code("rust");
    ensure!(
        shown == [program.as_str()],
        "the page does not show sdk/rust/examples/quickstart.rs as it is"
    );
    replay(page).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delegator_s_quickstart() -> anyhow::Result<()> {
    replay(quickstart("delegator.md")?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_s_quickstart() -> anyhow::Result<()> {
    replay(quickstart("explorer.md")?).await
}

/// Pages that no test above names: one that is added is replayed too.
#[tokio::test(flavor = "multi_thread")]
async fn every_other_quickstart() -> anyhow::Result<()> {
    const NAMED: [&str; 5] = [
        "provider.md",
        "customer-shell.md",
        "customer-rust.md",
        "delegator.md",
        "explorer.md",
    ];
    let mut names: Vec<String> = fs::read_dir(repository().join("docs/quickstarts"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "md") && !NAMED.contains(&name.as_str()))
        .collect();
    names.sort();
    for name in names {
        replay(quickstart(&name)?).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_s_use_it() -> anyhow::Result<()> {
    replay(Page::read(&repository().join("README.md"))?.section("## Use it")?).await
}
