//! Workers in Python: the interpreter's side is `python/selvedge_worker.py`, which is sent to it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::worker::error::CallError;
use crate::process::worker::worker::Worker;

/// The Python module that takes calls. A Python program that is to be a worker of its own imports it: write this to
/// a file `selvedge_worker.py` where it finds modules.
pub const SOURCE: &str = include_str!("../../../python/selvedge_worker.py");

/// What the interpreter is started with. It reads the module, so many bytes, from its standard input, so that no file
/// is needed and a list of processes stays readable.
pub(super) fn bootstrap() -> String {
    format!(
        "import os,sys,types
def read(n):
 text=b''
 while len(text)<n:
  part=os.read(0,n-len(text))
  if not part: sys.exit('the other side is gone')
  text+=part
 return text
module=sys.modules['selvedge_worker']=types.ModuleType('selvedge_worker')
exec(compile(read({}),'<selvedge_worker>','exec'),module.__dict__)
module.serve()",
        SOURCE.len()
    )
}

/// What every worker in Python can do. In others these are errors of the kind `NoFunction`.
impl Worker {
    /// Imports a Python module: all its public names can be called and read then, and the module is there by its name.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn import_module(&self, module: &str) -> Result<(), CallError> {
        self.call("selvedge.import", (module,))
    }

    /// Imports some names of a Python module.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn import_names(&self, module: &str, names: &[&str]) -> Result<(), CallError> {
        self.call("selvedge.import", (module, names))
    }

    /// Runs a Python script. Its names stay, for later calls and scripts.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn exec(&self, script: &str) -> Result<(), CallError> {
        self.call("selvedge.exec", (script,))
    }

    /// The value of a name, or of an attribute: `math.pi`.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        self.call("selvedge.get", (name,))
    }

    /// Gives a name a value.
    ///
    /// # Stopping
    ///
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    #[track_caller]
    pub fn set(&self, name: &str, value: impl Serialize) -> Result<(), CallError> {
        self.call("selvedge.set", (name, value))
    }
}
