//! Writes the seeds and regressions of every target to `fuzz/corpus/`, where the coverage-guided engine looks for them.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in absio_fuzz::TARGETS {
        let folder = root.join("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        let inputs = (target.seeds)().into_iter().chain(absio_fuzz::regressions(target.name));
        for (number, input) in inputs.enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), input)?;
        }
    }
    Ok(())
}
