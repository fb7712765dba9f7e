selvedge::context! {
    static APP = "app" { config: String }
}

fn main() {
    APP.enter().config(5).run(|| ());
    APP.overlay().db("x").run(|| ());
}
