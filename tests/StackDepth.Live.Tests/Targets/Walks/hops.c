// For runtimes that call into C: leaves for Lua, Node and .NET, and a hop that calls back.
#include "walk.h"

static volatile int sink;

// Lua: a lua_CFunction.
int lua_leaf(void *state)
{
    (void)state;
    walk_leaf();
    sink++;
    return 0;
}

// .NET: a level of recursion whose next one is managed.
int hop(int level, int (*next)(int))
{
    int result = level > 0 ? next(level - 1) : (walk_leaf(), 0);
    sink++;
    return result;
}

// Node: an addon of one function, leaf(), by the N-API, whose types are opaque here.
typedef struct napi *env, *value, *callback_info;
typedef value (*callback)(env, callback_info);
int napi_create_function(env, const char *, unsigned long, callback, void *, value *) __attribute__((weak));

static value node_leaf(env environment, callback_info info)
{
    (void)environment, (void)info;
    walk_leaf();
    sink++;
    return 0;
}

value napi_register_module_v1(env environment, value exports)
{
    value function = exports;
    napi_create_function(environment, "leaf", 4, node_leaf, 0, &function);
    return function;
}
