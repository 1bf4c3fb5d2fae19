// The C++ whose mangled names are in names.txt: a construct of the Itanium ABI's grammar (5.1) each. regenerate-names.sh compiles it.
#include <compare>
#include <concepts>
#include <coroutine>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#define USED __attribute__((used, noinline))

// Builtin types, qualifiers, pointers, references.
USED void all(bool, char, signed char, unsigned char, short, unsigned short, int, unsigned, long, unsigned long, long long, unsigned long long) {}
USED void all(float, double, long double, wchar_t, char8_t, char16_t, char32_t, __int128, unsigned __int128, std::nullptr_t) {}
USED void quad(__float128) {}
USED void variadic(int, ...) {}
USED void complexes(_Complex double, _Complex float *) {}
USED void pointers(int *, const int *, int *const *, volatile const char *const &, int &&, const int &&, int *__restrict) {}
USED void arrays(int (*)[3], const int (&)[3][4], int (&&)[5], int *(*)[6], int (*(*)[7])[8], const char (&)[]) {}
USED void functions(void (*)(), int (*)(int, char), int (&)(double), void (*(*)(int))(char), int (*(*)[9])(long), void (**)(int)) {}
USED void (*returns(int))(char) { return nullptr; }
USED int (*returnsArray(int))[3] { return nullptr; }
extern "C" { typedef void (*CCallback)(int); }
USED void callback(CCallback) {}
typedef float vec4 __attribute__((vector_size(16)));
USED void vectors(vec4, vec4 *) {}
#ifdef __GNUC__
USED void noexcepts(void (*)() noexcept, void (*)(int) noexcept, int (&)() noexcept) {}
#endif
#if defined(__clang__)
USED void blocks(__attribute__((address_space(1))) int *) {}
USED void nonnulls(int *_Nonnull) {}
#else
USED void floats(_Float32 *, _Float64 *, _Float128 *, _Float32x *, _Float64x *) {}
USED void decimals(float __attribute__((mode(SD))), float __attribute__((mode(DD))), float __attribute__((mode(TD)))) {}
#endif

// Namespaces, classes, constructors, operators.
namespace outer { inline namespace v1 { namespace { USED void hidden(int) {} int hiddenData; } USED int *take() { return &hiddenData; } USED void call() { hidden(1); } } }
static USED void internal(int) {}
USED void useInternal() { internal(1); }
struct Base { virtual ~Base(); virtual Base *clone(); virtual void plain(); int b; };
struct Other { virtual ~Other(); virtual void other(); int o; };
struct Middle : virtual Base { virtual void middle(); };
struct Derived : Other, Middle { ~Derived() override; Derived *clone() override; void plain() override; void other() override; };
Base::~Base() {} Base *Base::clone() { return this; } void Base::plain() {}
Other::~Other() {} void Other::other() {} void Middle::middle() {}
Derived::~Derived() {} Derived *Derived::clone() { return this; } void Derived::plain() {} void Derived::other() {}
using Handler = void (*)(int);
struct Ops {
    Ops(); Ops(int); Ops(const Ops &); Ops(Ops &&); ~Ops();
    void lref() &; void rref() &&; void clref() const &; void cv() const volatile; void crref() const && noexcept;
    Ops &operator=(const Ops &); Ops operator+(const Ops &) const; Ops operator-() const; Ops &operator++(); Ops operator++(int); bool operator!() const; Ops operator~() const;
    Ops operator-(int) const; Ops operator*(int) const; Ops operator*() const; Ops operator/(int) const; Ops operator%(int) const; Ops operator&(int) const; Ops *operator&(); Ops operator|(int) const; Ops operator^(int) const;
    Ops operator<<(int) const; Ops operator>>(int) const; Ops &operator+=(int); Ops &operator-=(int); Ops &operator*=(int); Ops &operator/=(int); Ops &operator%=(int); Ops &operator&=(int); Ops &operator|=(int); Ops &operator^=(int); Ops &operator<<=(int); Ops &operator>>=(int);
    bool operator==(int) const; bool operator!=(int) const; bool operator<(int) const; bool operator>(int) const; bool operator<=(int) const; bool operator>=(int) const; bool operator&&(int) const; bool operator||(int) const;
    std::strong_ordering operator<=>(const Ops &) const; void operator,(int); int operator[](int); int operator()(int, char); Ops *operator->(); int Ops::*operator->*(int); Ops operator--(int); Ops &operator--();
    operator int() const; operator const char *(); operator Ops *() const; operator Handler(); template <class T> operator T *(); template <class T, int N> operator std::vector<T> (); operator std::string();
    static void *operator new(std::size_t); static void *operator new[](std::size_t); static void operator delete(void *); static void operator delete[](void *);
    static int data; static const int table[3];
    int value;
};
Ops::Ops() {} Ops::Ops(int) {} Ops::Ops(const Ops &) {} Ops::Ops(Ops &&) {} Ops::~Ops() {}
void Ops::lref() & {} void Ops::rref() && {} void Ops::clref() const & {} void Ops::cv() const volatile {} void Ops::crref() const && noexcept {}
Ops &Ops::operator=(const Ops &) { return *this; } Ops Ops::operator+(const Ops &) const { return {}; } Ops Ops::operator-() const { return {}; } Ops &Ops::operator++() { return *this; } Ops Ops::operator++(int) { return {}; } bool Ops::operator!() const { return true; } Ops Ops::operator~() const { return {}; }
#define BINARY(op) Ops Ops::operator op(int) const { return {}; }
BINARY(-) BINARY(*) BINARY(/) BINARY(%) BINARY(&) BINARY(|) BINARY(^) BINARY(<<) BINARY(>>)
Ops Ops::operator*() const { return {}; } Ops *Ops::operator&() { return this; }
#define ASSIGN(op) Ops &Ops::operator op(int) { return *this; }
ASSIGN(+=) ASSIGN(-=) ASSIGN(*=) ASSIGN(/=) ASSIGN(%=) ASSIGN(&=) ASSIGN(|=) ASSIGN(^=) ASSIGN(<<=) ASSIGN(>>=)
#define COMPARE(op) bool Ops::operator op(int) const { return true; }
COMPARE(==) COMPARE(!=) COMPARE(<) COMPARE(>) COMPARE(<=) COMPARE(>=) COMPARE(&&) COMPARE(||)
std::strong_ordering Ops::operator<=>(const Ops &) const { return std::strong_ordering::equal; } void Ops::operator,(int) {} int Ops::operator[](int) { return 0; } int Ops::operator()(int, char) { return 0; } Ops *Ops::operator->() { return this; } int Ops::*Ops::operator->*(int) { return nullptr; } Ops Ops::operator--(int) { return {}; } Ops &Ops::operator--() { return *this; }
Ops::operator int() const { return 0; } Ops::operator const char *() { return ""; } Ops::operator Ops *() const { return nullptr; } Ops::operator Handler() { return nullptr; } template <class T> Ops::operator T *() { return nullptr; } template <class T, int N> Ops::operator std::vector<T>() { return {}; } Ops::operator std::string() { return ""; }
void *Ops::operator new(std::size_t) { return nullptr; } void *Ops::operator new[](std::size_t) { return nullptr; } void Ops::operator delete(void *) {} void Ops::operator delete[](void *) {}
int Ops::data; const int Ops::table[3] = {1, 2, 3};
template Ops::operator long *(); template Ops::operator std::vector<int> **();
USED unsigned long long operator""_kg(unsigned long long x) { return x; }
USED int operator""_name(const char *, std::size_t) { return 0; }
template <class T> struct Convertible { operator T() { return T(); } template <class U> operator U *() { return nullptr; } template <class U> operator std::pair<T, U>() { return {}; } };
template struct Convertible<int>; template Convertible<int>::operator char *(); template Convertible<int>::operator std::pair<int, long>();

// Member pointers.
USED void members(int Ops::*, const int Ops::*, void (Ops::*)(), void (Ops::*)(int) const, void (Ops::*)() &, int (Ops::*)() const && noexcept, int (Ops::*Ops::*)(char), int (Ops::**)[3], int (Ops::*)[3]) {}

// Templates, packs, template template parameters, literals.
template <class T> struct Box { template <class U> USED void put(U, T) {} USED void get() const {} struct Inner { USED void in() {} template <class V> USED static V make(V v) { return v; } }; static T *data(); };
template <class T> T *Box<T>::data() { return nullptr; }
template <> template <> void Box<int>::put<char>(char, int) {} template struct Box<int>; template struct Box<Box<char>>; template struct Box<void (*)(int)>; template struct Box<const int[3]>; template struct Box<int Ops::*>; 
template void Box<char>::put<long>(long, char); template int Box<int>::Inner::make<int>(int); template struct Box<long>::Inner;
template <class... T> USED void pack(T...) {} template void pack<>(); template void pack<int>(int); template void pack<int, char, Box<int>>(int, char, Box<int>);
template <class... T> USED void refs(T &&...) {} template void refs<int &, char, const long &>(int &, char &&, const long &);
template <class T> USED void forward(T &&) {} template void forward<int>(int &&); template void forward<int &>(int &); template void forward<const int &>(const int &); template void forward<void (&)()>(void (&)()); template void forward<int (&)[3]>(int (&)[3]); template void forward<void (Ops::*)() const>(void (Ops::*&&)() const);
template <class T> USED void constant(const T *, T const &, volatile T) {} template void constant<int>(const int *, int const &, int); template void constant<const int>(const int *, const int &, const int); template void constant<int *>(int *const *, int *const &, int *volatile);
template <class F> USED void fn(F *) {} template void fn<int(char)>(int (*)(char)); template void fn<void(int, ...)>(void (*)(int, ...)); template void fn<int[4]>(int (*)[4]);
template <class... A, class... B> USED void two(std::tuple<A...>, std::tuple<B...>) {} template void two<int, char, long>(std::tuple<int, char, long>, std::tuple<>); template void two<>(std::tuple<>, std::tuple<int>);
template <class R, class... A> USED void signature(R (*)(A...), std::tuple<A *...>, std::tuple<std::pair<A, R>...>) {} template void signature<int, char, long>(int (*)(char, long), std::tuple<char *, long *>, std::tuple<std::pair<char, int>, std::pair<long, int>>);
template <template <class...> class C, class T> USED void container(C<T>) {} template void container<Box, int>(Box<int>);
template <template <class> class... C> USED void containers() {} template void containers<Box>(); template void containers<>();
template <bool B, char C, int I, unsigned U, long L, unsigned long UL, long long LL, unsigned long long ULL, short S> USED void literals() {} template void literals<true, 'a', -5, 6u, -7l, 8ul, -9ll, 10ull, -11>();
enum Color { Red, Green = -3 }; enum class Shape : unsigned char { Round = 7 };
template <Color C, Shape S> USED void enums() {} template void enums<Green, Shape::Round>();
template <auto V> USED void value() {} template void value<1>(); template void value<'x'>(); template void value<&Ops::data>(); template void value<&Ops::value>(); template void value<&Ops::lref>(); template void value<nullptr>(); template void value<true>();
template <void (*F)(int)> USED void callable() {} template void callable<internal>(); template void callable<nullptr>();
template <int *P, const int (&R)[3]> USED void objects() {} template void objects<&Ops::data, Ops::table>();
#if !defined(__clang__)
template <double D> USED void doubles() {} template void doubles<1.5>(); template void doubles<-0.0>();
struct Literal { int a; char b[4]; union { int c; float d; }; };
template <Literal L> USED const Literal &structural() { return L; } template const Literal &structural<Literal{1, {'a', 'b'}, {.d = 2.0f}}>(); template const Literal &structural<Literal{}>();
template <std::size_t N> struct Text { char t[N]; constexpr Text(const char (&s)[N]) { for (std::size_t i = 0; i < N; i++) t[i] = s[i]; } };
template <Text T> USED void text() {} template void text<"hi">();
#endif
template <int N> struct Number { static constexpr int value = N; using type = int; }; template <int N> USED Number<N + 1> next(Number<N>) { return {}; } template Number<3> next<2>(Number<2>);
template <int N, int M> USED Number<(N > M)> greater(Number<N>) { return {}; } template Number<true> greater<2, 1>(Number<2>);
template <class... T> USED Number<sizeof...(T)> count(T...) { return {}; } template Number<2> count<int, char>(int, char);
template <int... N> USED Number<(N + ... + 0)> sum(Number<N>...) { return {}; } template Number<3> sum<1, 2>(Number<1>, Number<2>);
template <bool... B> USED std::bool_constant<(B && ...)> every() { return {}; } template std::bool_constant<false> every<true, false>();
template <bool... B> USED std::bool_constant<(... || B)> any() { return {}; } template std::bool_constant<true> any<true, false>();
template <int... N> USED Number<(0 - ... - N)> leftFold() { return {}; } template Number<-3> leftFold<1, 2>();

// Expressions in signatures.
template <class T> USED auto plus(T a, T b) -> decltype(a + b) { return a + b; } template int plus<int>(int, int);
template <class T> USED auto index(T a, int i) -> decltype(a[i]) { return a[i]; } template int &index<int *>(int *, int);
template <class T> USED auto choose(bool b, T x) -> decltype(b ? x : T()) { return x; } template int choose<int>(bool, int);
template <class F, class... A> USED auto invoke(F f, A &&...a) -> decltype(f(static_cast<A &&>(a)...)) { return f(static_cast<A &&>(a)...); } template int invoke<int (*)(int, char), int, char>(int (*)(int, char), int &&, char &&);
template <class T> USED auto member(T t) -> decltype(t.value) { return t.value; } template int member<Ops>(Ops);
template <class T> USED auto arrow(T *t) -> decltype(t->operator!()) { return true; } template bool arrow<Ops>(Ops *);
template <class T> USED auto method(T t) -> decltype(t.template conv<int>(1), (*t)++) { return 0; }
struct Conv { template <class T> T conv(int); int operator*(); }; 
template <class T> USED auto call(T t) -> decltype(t.template conv<T *>(1)) { return nullptr; } template Conv *call<Conv>(Conv);
template <class T> USED auto size(T t) -> Number<sizeof(T) + sizeof(t) + alignof(T)> *{ return nullptr; } template Number<12> *size<int>(int);
template <class T> USED auto unary(T t) -> decltype(-t, !t, ~t, +t, &t, ++t, t++, --t, t--) { return t; } template int unary<int>(int);
template <class T> USED auto deref(T t) -> decltype(*t) { return *t; } template int &deref<int *>(int *);
template <class T> USED auto casts(T t) -> decltype(static_cast<long>(t), const_cast<const T &>(t), reinterpret_cast<char &>(t), (short)t, T(t), long{t}) { return t; } template long casts<int>(int);
template <class T> USED auto dynamic(T *t) -> decltype(dynamic_cast<Derived *>(t)) { return nullptr; } template Derived *dynamic<Base>(Base *);
template <class T> USED auto news(T t) -> decltype(new T, new T(t), new (&t) T, new T[3], ::new T{t}) { return nullptr; } template int *news<int>(int);
template <class T> USED auto deletes(T t) -> decltype(delete t) {} template void deletes<int *>(int *);
template <class T> USED auto deleteArray(T t) -> decltype(::delete[] t) {} template void deleteArray<int *>(int *);
template <class T> USED auto throws(T t) -> decltype(throw t) {} template void throws<int>(int);
template <class T> USED auto rethrows(T) -> decltype(throw) {} template void rethrows<int>(int);
#if defined(__clang__) // g++ 12 does not mangle typeid and noexcept.
template <class T> USED auto isNoexcept(T t) -> std::bool_constant<noexcept(t())> { return {}; } template std::bool_constant<false> isNoexcept<void (*)()>(void (*)());
template <class T> USED auto types(T t) -> decltype(typeid(T), typeid(t), (int *)nullptr) { return nullptr; } template int *types<int>(int);
#endif
template <class T> USED void noexceptIf(T) noexcept(noexcept(T())) {} template void noexceptIf<int>(int);
template <class T> USED auto scopeOf(T) -> Number<T::value> { return {}; } template Number<3> scopeOf<Number<3>>(Number<3>); template <class T> USED auto scoped(T) -> std::remove_const_t<decltype(T::value)> { return 0; } template int scoped<Number<3>>(Number<3>);
template <class T> USED auto nestedScope(T) -> decltype(Number<T::value>::value + typename T::type(1)) { return 0; } template int nestedScope<Number<4>>(Number<4>);
template <class T> USED auto global(T t) -> decltype(::plus(t, t), outer::take()) { return nullptr; } template int *global<int>(int);
template <class T> USED auto dependent(T t) -> decltype(plus<T>(t, t)) { return t; } template int dependent<int>(int);
template <class T> USED auto adl(T t) -> decltype(unary(t) == T{} ? t << 1 : t >> 2) { return t; } template int adl<int>(int);
template <class T> USED auto logic(T t) -> decltype(t && t || t | t & t ^ t, t != t, t <= t, t >= t, t < t, t % t, t / t, t * t, t - t) { return t; } template int logic<int>(int);
template <class T> USED auto assigns(T t) -> decltype(t = t, t += t, t -= t, t *= t, t /= t, t %= t, t &= t, t |= t, t ^= t, t <<= t, t >>= t) { return t; }
template <class T> USED auto memberPointer(T *t, int T::*p) -> decltype(t->*p + (*t).*p) { return 0; } template int memberPointer<Ops>(Ops *, int Ops::*);
template <class T> USED auto spaceship(T t) -> decltype(t <=> t) { return t <=> t; } template std::strong_ordering spaceship<int>(int);
template <class T> USED auto floating(T t) -> decltype(t + 1.5 + 2.5f + 1.0L) { return t; }
template <class T> USED auto text(T t) -> decltype(t + "abc"[1]) { return t; } template int text<int>(int);
template <class T, class = std::enable_if_t<std::is_integral<T>::value>> USED void enabled(T) {} template void enabled<int>(int);
template <class T> USED typename std::enable_if<std::is_integral_v<T> && !std::is_same<T, char>::value, T>::type enabled2(T t) { return t; } template int enabled2<int>(int);
template <class T> USED typename Box<T>::Inner typeOf(typename Box<T>::Inner i, typename T::type *) { return i; } 
template <class... T> USED auto braces(T... t) -> decltype(std::initializer_list<int>{t...}, std::tuple<T...>{t...}) { return {t...}; } template std::tuple<int, int> braces<int, int>(int, int);
template <class T> struct ThisUser { int v; auto self() -> decltype(this->v) { return v; } auto other(T t) -> decltype(v + t) { return v; } }; template struct ThisUser<int>;
template <class F, class G> USED auto compose(F f, G g) -> decltype(f(g(1)), g(f(2), 3)) { return g(f(2), 3); }
USED decltype(auto) deduced(int x) { return x; } USED auto plainAuto() { return 1; }
template <class T> USED decltype(auto) deducedTemplate(T x) { return x; } template decltype(auto) deducedTemplate<int>(int); template <class T> USED auto autoTemplate(T *x) { return x; } template auto autoTemplate<int>(int *);

// Lambdas, local names, unnamed types, default arguments.
inline auto inlineLambda = [](int x) { return x; };
USED int lambdas(int n) {
    auto a = [n](int x) { return x + n; };
    auto b = [](auto x, auto &&y, auto... z) { return x + y; };
    auto c = [&a](const std::string &s) mutable -> int { struct Local { USED int run(int i) const { return i; } } l; return a((int)s.size()) + l.run(2); };
    auto d = []<class T, int N>(T t, Number<N>) { return t + N; };
    auto e = [] { return [] { return [] { return 1; }(); }(); };
    auto f = []<template <class...> class C, class... A>(C<A...>, A...) { return 0; };
    auto g = []<class T>(T t, auto u) { return t + u; };
    struct { USED int get() { return 3; } } unnamed;
    enum { One, Two };
    static int counter; static std::string text = "x"; static const int &bound = 5;
    return a(1) + b(1, 2) + b(1L, 'c', 3, 4.0) + c("x") + d(1, Number<3>()) + e() + f(std::tuple<int, char>(), 1, 'c') + g(1, 2.0) + unnamed.get() + counter++ + (int)text.size() + bound + inlineLambda(One);
}
template <class T> USED int inTemplate(T t) { struct Local { T v; USED T get() const { return v; } } l{t}; auto f = [t](T u) { return t + u; }; auto g = [](auto x) { return x; }; static T kept = t; return l.get() + f(t) + g(t) + g('c') + kept; } template int inTemplate<int>(int); template int inTemplate<long>(long);
struct Member { int m = [] { return 5; }(); std::function<int(int)> f = [](int x) { return x; }; Member(int = [] { return 1; }()); struct { int x; USED int get() { return x; } } anonymous; void defaults(int a = [] { return 1; }(), int b = [](int x) { return x; }(2)); USED int use() { return anonymous.get(); } };
Member::Member(int) {} void Member::defaults(int, int) {} USED void useMember() { Member m; m.defaults(); m.use(); }
inline int inlineVariable = 3; USED int *inlineAddress() { return &inlineVariable; }
thread_local std::string tls = "t"; USED std::string &threadLocal() { return tls; }
extern thread_local int externTls; USED int useExternTls() { return 0; }
const int &longLived = 7; extern std::string &&alive; std::string &&alive = std::string("x");
USED void closureArgument(std::function<void()> f) { f(); } USED void passClosure() { closureArgument([] {}); }
USED int loop() { int r = 0; { struct L { USED int g() { return 1; } } l; r += l.g(); } { struct L { USED int g() { return 2; } } l; r += l.g(); } return r; }
auto [bindingA, bindingB] = std::pair<int, int>(1, 2);
namespace bindings { auto [c, d] = std::pair<int, int>(1, 2); }
USED int *bound() { return &bindings::c + bindingA; }
union { int globalUnionA; float globalUnionB; } globalUnion; 
template <class T> USED void unnamedArgument(T) {} USED void useUnnamed() { struct { int x; } s; unnamedArgument(s); unnamedArgument([](int) {}); enum { E } e = E; unnamedArgument(e); }

// ABI tags, attributes, vendor things.
struct [[gnu::abi_tag("tagged")]] Tagged { USED Tagged() {} USED void f() {} }; template struct Box<Tagged>; USED Tagged returnsTagged() { return {}; } 
[[gnu::abi_tag("one", "two")]] USED void twoTags(int) {} [[gnu::abi_tag("v")]] int taggedData;
USED std::string strings(std::string, std::wstring, std::istream &, std::ostream &, std::iostream &, std::allocator<char>) { return ""; }
inline namespace [[gnu::abi_tag("ns")]] spaced { struct Within {}; USED void withinTag(Within) {} }
struct Inherit : Ops { using Ops::Ops; int extra = 1; }; struct InheritVirtual : virtual Ops { using Ops::Ops; }; USED void inherits() { Inherit i(3); InheritVirtual v(4); }

// Concepts.
template <class T> concept Small = sizeof(T) <= 4; template <class T, class U> concept Same = std::same_as<T, U>;
template <Small T> USED void constrained(T) {} template void constrained<int>(int);
template <class T> requires Small<T> && requires(T t) { t + t; { t + t } -> Same<T>; } USED void required(T) {} template void required<int>(int);
template <class T> USED void trailing(T) requires(sizeof(T) == 4) {} template void trailing<int>(int);
USED void abbreviated(Small auto) {} template void abbreviated<int>(int); USED void autos(auto x, auto *...y) {} template void autos<int, char, long>(int, char *, long *);
template <class T> struct Guarded { USED void f() requires Small<T> {} friend USED bool operator==(Guarded, Guarded) { return true; } friend auto operator<=>(const Guarded &, const Guarded &) = default; }; template struct Guarded<int>; USED bool guards(Guarded<int> a) { return a == a; }
template <class T> USED auto byConcept(T) -> std::bool_constant<Small<T>> { return {}; } template std::bool_constant<true> byConcept<int>(int);
template <class T> USED auto byRequires(T) -> std::bool_constant<requires(T t) { t.x; }> { return {}; } 

// Coroutines, substitutions.
struct Task { struct promise_type { Task get_return_object() { return {}; } std::suspend_never initial_suspend() { return {}; } std::suspend_never final_suspend() noexcept { return {}; } void return_void() {} void unhandled_exception() {} }; };
USED Task coroutine(int) { co_await std::suspend_never{}; co_return; }
namespace a { namespace b { struct C { struct D {}; USED void f(C, D, C *, D *, const C &, const D &, std::pair<C, D>, std::pair<C, D> *) {} }; template <class T> struct E { USED void g(E, E *, typename std::vector<T>::iterator, std::vector<E>) {} }; template struct E<C>; template struct E<E<C::D>>; } }
USED void maps(std::tuple<std::vector<std::string>, std::pair<const std::string, std::vector<std::vector<int>>>> *) {}
template <class T> struct Curious { USED T &self() { return static_cast<T &>(*this); } }; struct Recurring : Curious<Recurring> {}; template struct Curious<Recurring>;
template <class T, class U> USED bool operator<(Box<T>, Box<U>) { return true; } template bool operator< <int, char>(Box<int>, Box<char>); template <class T> USED Box<T> operator<<(Box<T> b, int) { return b; } template Box<int> operator<< <int>(Box<int>, int); template <class T> USED Box<T> operator>(Box<T> b, int) { return b; } template Box<int> operator><int>(Box<int>, int);
template <class> USED void *operator-(Box<void (*)()>, int) { return nullptr; } template void *operator-<int>(Box<void (*)()>, int);
int main() {}
