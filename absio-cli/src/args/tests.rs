//! What is read, and what is refused.

use super::*;
use clap::CommandFactory;

const ID: &str = "1d4c568b-e762-8284-b14e-167cc4776026";

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("absio").chain(line.split(' ')).map(|word| word.replace("ID", ID)))
}

#[test]
fn the_tree_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_form_that_scripts_depend_on_is_read() {
    for line in [
        "demo",
        "serve --listen 127.0.0.1:8600 --data DIR",
        "serve --data DIR",
        "api-key create --data DIR",
        "api-key create --data DIR --name N",
        "user create",
        "user create --reminder hint",
        "user show",
        "user show ID",
        "user reminder ID",
        "user change-credentials",
        "user rotate-keys",
        "user rotate-keys --revoke",
        "user delete --yes",
        "container create file",
        "container create - --header {\"a\":1} --type t --share ID --share ID=11@2026-12-31T23:59:59Z",
        "container create file --share ID --without-me",
        "container get ID",
        "container get ID -o out --portion content",
        "container get ID --portion header",
        "container get ID --portion metadata",
        "container get ID --refresh",
        "container get ID --max-age 60",
        "container list",
        "container delete ID",
        "container resign ID",
        "container resign ID --trust-unseen",
        "container update ID --content - --header null --type t --share ID=42 --unshare ID",
        "events",
        "events --follow",
        "events --follow --wait --kept-only",
        "sync",
        "sync --all",
        "sync --kept-only",
        "checkpoint",
        "checkpoint ID ID",
        "outbox list",
        "outbox drain",
        "outbox get 3",
        "outbox retry 3",
        "outbox discard 3",
        "container create file --outbox",
        "ofs check",
        "ofs export file",
        "ofs import file",
        "ofs sweep",
        "ofs accept-loss --yes",
        "ofs purge --yes",
        "user sync",
        "user needs-sync",
        "user peers",
        "user fingerprint",
        "user fingerprint ID",
        "user verify ID aaaa-bbbb",
        "user verify ID aaaa bbbb",
        "events --from 5 --to 9 --type key_file --container ID --container-type t --action accessed",
        "--server http://127.0.0.1:1 --api-key ID --root . --user ID --app-name n --provider server --json user show",
        "user show --json --server http://127.0.0.1:1 --provider server-cache-ofs",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn wrong_usage_is_refused() {
    for line in [
        "fly",
        "serve",
        "serve --data DIR --listen here",
        "api-key create",
        "user",
        "user delete",
        "user rotate-keys ID",
        "user reminder",
        "user show bob",
        "container create",
        "container create f --without-me",
        "container create f --share bob",
        "container get ID --portion some",
        "container get ID --refresh --max-age 60",
        "container get ID --max-age soon",
        "events --action eaten",
        "events --wait",
        "events --follow --from 3",
        "events --follow --to 3",
        "sync --all --kept-only",
        "checkpoint all",
        "ofs",
        "outbox",
        "outbox discard",
        "outbox discard all",
        "ofs export",
        "ofs purge",
        "ofs accept-loss",
        "user verify ID",
        "user verify bob aaaa",
        "events --type box",
        "events --from -1",
        "--provider cloud user show",
        "--api-key key user show",
        "user create --password secret",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn s004_the_server_has_the_seeds_default() {
    let cli = parse("user show").unwrap();
    assert_eq!(cli.global.server, "https://sandbox.absio.com");
}

#[test]
fn s006_s164_the_provider_and_the_root_have_the_seeds_defaults() {
    let cli = parse("container list").unwrap();
    assert_eq!(cli.global.provider, Provider::ServerCacheOfs);
    // Below the current directory, in one of its own.
    assert_eq!(cli.global.root, PathBuf::from(ROOT));
    assert_eq!(parse("container list --root .").unwrap().global.root, PathBuf::from("."));
}
