// The Rust whose mangled names are in names.txt. regenerate-names.sh compiles it.
use std::collections::HashMap; use std::fmt::Debug;
trait Shape { type Out; fn area(&self) -> Self::Out; fn make<T: Debug>(t: T) -> String { format!("{t:?}") } }
struct Sq<const N: usize, const B: bool, const C: char, const I: i64>; 
impl<const N: usize, const B: bool, const C: char, const I: i64> Shape for Sq<N,B,C,I> { type Out = usize; #[inline(never)] fn area(&self) -> usize { N + B as usize + C as usize + I as usize } }
mod größe { pub fn länge(x: &str) -> usize { x.len() } pub mod 日本 { #[inline(never)] pub fn 語() -> u8 { 1 } } }
#[inline(never)] fn g<T: ?Sized>(t: &T) -> usize { std::mem::size_of_val(t) + std::any::type_name::<T>().len() }
#[inline(never)] fn h<T>(_t: T) -> usize { std::mem::size_of::<T>() }
#[inline(never)] fn lt<'a>(f: for<'b> fn(&'b u8, &'a u8) -> &'b u8, x: &'a u8) -> u8 { *f(x, x) }
#[inline(never)] fn big<const X: i128, const Y: u128>() -> u128 { X as u128 + Y }
unsafe extern "C" fn ext(_: *const u8, _: *mut i32) -> f32 { 1.0 }
extern "system" fn sys(_: u8) {}
fn never() -> ! { std::process::exit(0) }
struct Gen<T>(T); impl<T: Clone> Gen<T> { #[inline(never)] fn get(&self) -> T { self.0.clone() } #[inline(never)] fn map<U, F: Fn(T)->U>(&self, f: F) -> U { f(self.0.clone()) } }
impl<T> Drop for Gen<T> { fn drop(&mut self) { h::<u8>(1); } }
fn main() { 
 println!("{}", Sq::<3,true,'x',-5>.area()+Sq::<0,false,'\'',9>.area()+Sq::<0,false,'é',{i64::MIN}>.area()+Sq::<0,false,'\n',9>.area());
 println!("{}", größe::länge("x") + größe::日本::語() as usize);
 let d: &dyn Debug = &1; g(d); let f: &(dyn Fn(&u8) -> u8 + Send + Sync) = &|x| *x; g(f); g::<dyn for<'a> Fn(&'a u8) -> &'a u8>(&|x| x); g::<dyn Iterator<Item = u8>>(&"abc".bytes()); g::<[u8]>(&[1]); g::<str>("x"); g(&[1u8;4]); g(&(1u8,)); g(&(1u8,2i16,3u32,4i128)); g(&()); 
 h(ext as unsafe extern "C" fn(*const u8,*mut i32)->f32); h(sys as extern "system" fn(u8)); h(never as fn() -> !); h(lt as fn(for<'b> fn(&'b u8,&u8)->&'b u8,&u8)->u8); h::<&mut [f64;2]>(&mut [1.0,2.0]); h::<fn(&'static str, char, bool, isize, usize, f32)>( |_,_,_,_,_,_| {});
 println!("{}{}", big::<{i128::MIN},{u128::MAX}>(), big::<5,0xffff_ffff_ffff_ffff>()); 
 let q = Gen(vec![1]); println!("{:?}{}", q.get(), q.map(|v| { let k = move |y: usize| y + v.len(); k(1) + (|| { fn inner() -> usize { 5 } inner() })() }));
 let mut m: HashMap<String, Vec<Option<Result<u8, Box<dyn std::error::Error + Send>>>>> = HashMap::new(); m.insert("a".into(), vec![]); println!("{}", m.len());
 std::thread::spawn(|| println!("t")).join().unwrap(); println!("{}", <Sq<1,true,'c',1> as Shape>::make(Some("x")));
 let a = async { 1 }; h(a); macro_rules! mm { () => { { #[inline(never)] fn m() -> u8 { 7 } m() } } } println!("{}{}", mm!(), mm!());
 static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0); COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}
