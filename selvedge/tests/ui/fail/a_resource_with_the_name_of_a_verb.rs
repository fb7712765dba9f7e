selvedge::context! {
    static APP = "app" { config: u32, run: u32 }
}

fn main() {
    let _ = APP.enter();
}
