//! Exit codes. Scripts and supervisors wait on them, so a code keeps its meaning.

/// Done.
pub const OK: u8 = 0;
/// The node answered and said no, or what was asked for did not come true.
pub const FAILED: u8 = 1;
/// The command line or the settings are wrong; nothing was tried.
pub const USAGE: u8 = 2;
/// No node answered at the address.
pub const UNREACHABLE: u8 = 3;
/// `config diff` found a difference. The same number as for a wrong command line, as `diff` tools have it; what was wrong with
/// a command line is on standard error.
pub const DIFFERS: u8 = 2;
