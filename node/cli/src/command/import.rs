//! `troop import`: a live Kong into this cluster.

use std::io::Write;

use super::print;
use crate::failure::Failure;
use crate::grammar::ImportArgs;
use crate::import;

pub(super) fn run(args: &ImportArgs, output: &mut dyn Write) -> Result<(), Failure> {
    let report = import::copy(args)?;
    print(args.target.output, &report.document(), |_| report.text(), output)?;
    match report.not_taken() {
        0 => Ok(()),
        count => Err(Failure::Incomplete { count }),
    }
}
